//go:build !purego

#include "textflag.h"

// func asciiStartNEON(b *byte, n int) int
TEXT ·asciiStartNEON(SB), NOSPLIT, $0-24
	MOVD b+0(FP), R0
	MOVD n+8(FP), R1
	ADD  R0, R1, R2
	SUB  $64, R2, R2 // the 64 bytes before the end, which are looked at last

loop:
	VLD1 (R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VORR V1.B16, V0.B16, V0.B16
	VORR V3.B16, V2.B16, V2.B16
	VORR V2.B16, V0.B16, V0.B16
	VMOV V0.D[0], R3
	VMOV V0.D[1], R4
	ORR  R4, R3, R3
	TST  $0x8080808080808080, R3
	BNE  some
	CMP  R2, R0
	BEQ  all
	ADD  $64, R0, R0
	CMP  R2, R0
	CSEL HI, R2, R0, R0
	B    loop

all:
	MOVD R1, ret+16(FP)
	RET

some:
	MOVD b+0(FP), R3
	SUB  R3, R0, R0
	MOVD R0, ret+16(FP)
	RET
