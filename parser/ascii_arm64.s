//go:build !purego

#include "textflag.h"

// func asciiBlocksNEON(b *byte, n int) (ascii int)
TEXT ·asciiBlocksNEON(SB), NOSPLIT, $0-24
	MOVD b+0(FP), R0
	MOVD n+8(FP), R1
	MOVD R1, R2

loop:
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VORR   V1.B16, V0.B16, V0.B16
	VORR   V3.B16, V2.B16, V2.B16
	VORR   V2.B16, V0.B16, V0.B16
	VMOV   V0.D[0], R3
	VMOV   V0.D[1], R4
	ORR    R4, R3, R3
	TST    $0x8080808080808080, R3
	BNE    done
	SUBS   $1, R1, R1
	BNE    loop

done:
	SUB  R1, R2, R2
	MOVD R2, ascii+16(FP)
	RET
