//go:build !purego

#include "textflag.h"

// Marks the bytes of a quarter of a block that end a string with the bit of their
// place in their eight. What the minimum with 0x1f leaves as it is, is not above it.
#define ENDS(in) \
	VUMIN V18.B16, in.B16, V6.B16 \
	VCMEQ in.B16, V6.B16, V6.B16  \
	VCMEQ V16.B16, in.B16, V7.B16 \
	VCMEQ V17.B16, in.B16, in.B16 \
	VORR  V7.B16, V6.B16, V6.B16  \
	VORR  V6.B16, in.B16, in.B16  \
	VAND  V20.B16, in.B16, in.B16

// func markEndsNEON(text *byte, n int, masks *uint64)
TEXT ·markEndsNEON(SB), NOSPLIT, $0-24
	MOVD text+0(FP), R0
	MOVD n+8(FP), R1
	MOVD masks+16(FP), R2

	MOVD $0x22, R3 // '"'
	VDUP R3, V16.B16
	MOVD $0x5c, R3 // '\\'
	VDUP R3, V17.B16
	MOVD $0x1f, R3 // the last control byte
	VDUP R3, V18.B16
	MOVD $0x8040201008040201, R3
	VDUP R3, V20.D2

loop:
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	ENDS(V0)
	ENDS(V1)
	ENDS(V2)
	ENDS(V3)
	VADDP V1.B16, V0.B16, V0.B16
	VADDP V3.B16, V2.B16, V2.B16
	VADDP V2.B16, V0.B16, V0.B16
	VADDP V0.B16, V0.B16, V0.B16
	VMOV  V0.D[0], R3
	MOVD.P R3, 8(R2)

	SUBS $1, R1, R1
	BNE  loop
	RET
