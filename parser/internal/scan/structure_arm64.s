//go:build !purego

#include "textflag.h"

// Puts one bit for each byte of V4 to V7, which are all ones or all zeroes, into
// a register: each byte keeps the bit of its place in its eight, and three times
// neighbours are added.
#define GATHER(reg) \
	VAND  V20.B16, V4.B16, V4.B16 \
	VAND  V20.B16, V5.B16, V5.B16 \
	VAND  V20.B16, V6.B16, V6.B16 \
	VAND  V20.B16, V7.B16, V7.B16 \
	VADDP V5.B16, V4.B16, V4.B16  \
	VADDP V7.B16, V6.B16, V6.B16  \
	VADDP V6.B16, V4.B16, V4.B16  \
	VADDP V4.B16, V4.B16, V4.B16  \
	VMOV  V4.D[0], reg

// func classifyNEON(text *byte, n int, masks *[classes]uint64)
TEXT ·classifyNEON(SB), NOSPLIT, $0-24
	MOVD text+0(FP), R0
	MOVD n+8(FP), R1
	MOVD masks+16(FP), R2

	MOVD $0x3d, R3 // '='
	VDUP R3, V16.B16
	MOVD $0x20, R3 // ' '
	VDUP R3, V17.B16
	MOVD $0x22, R3 // '"'
	VDUP R3, V18.B16
	MOVD $0x5c, R3 // '\\'
	VDUP R3, V19.B16
	MOVD $0x8040201008040201, R3
	VDUP R3, V20.D2

loop:
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]

	VCMEQ V16.B16, V0.B16, V4.B16
	VCMEQ V16.B16, V1.B16, V5.B16
	VCMEQ V16.B16, V2.B16, V6.B16
	VCMEQ V16.B16, V3.B16, V7.B16
	GATHER(R4)

	// A byte that the minimum with ' ' leaves as it is, is not above it.
	VUMIN V17.B16, V0.B16, V4.B16
	VUMIN V17.B16, V1.B16, V5.B16
	VUMIN V17.B16, V2.B16, V6.B16
	VUMIN V17.B16, V3.B16, V7.B16
	VCMEQ V4.B16, V0.B16, V4.B16
	VCMEQ V5.B16, V1.B16, V5.B16
	VCMEQ V6.B16, V2.B16, V6.B16
	VCMEQ V7.B16, V3.B16, V7.B16
	GATHER(R5)

	VCMEQ V18.B16, V0.B16, V4.B16
	VCMEQ V18.B16, V1.B16, V5.B16
	VCMEQ V18.B16, V2.B16, V6.B16
	VCMEQ V18.B16, V3.B16, V7.B16
	GATHER(R6)

	VCMEQ V19.B16, V0.B16, V4.B16
	VCMEQ V19.B16, V1.B16, V5.B16
	VCMEQ V19.B16, V2.B16, V6.B16
	VCMEQ V19.B16, V3.B16, V7.B16
	GATHER(R7)

	ORR   R7, R6, R6
	STP.P (R4, R5), 16(R2)
	STP.P (R6, R7), 16(R2)

	SUBS $1, R1, R1
	BNE  loop
	RET
