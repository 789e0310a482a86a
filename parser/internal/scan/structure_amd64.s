//go:build !purego

#include "textflag.h"

// func classifyAVX2(text *byte, n int, masks *[classes]uint64)
TEXT ·classifyAVX2(SB), NOSPLIT, $0-24
	MOVQ text+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ masks+16(FP), DI

	MOVL         $0x3d3d3d3d, AX // '='
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	MOVL         $0x20202020, AX // ' '
	VMOVD        AX, X1
	VPBROADCASTD X1, Y1
	MOVL         $0x22222222, AX // '"'
	VMOVD        AX, X2
	VPBROADCASTD X2, Y2
	MOVL         $0x5c5c5c5c, AX // '\\'
	VMOVD        AX, X3
	VPBROADCASTD X3, Y3

loop:
	VMOVDQU (SI), Y4
	VMOVDQU 32(SI), Y5

	VPCMPEQB  Y0, Y4, Y6
	VPCMPEQB  Y0, Y5, Y7
	VPMOVMSKB Y6, AX
	VPMOVMSKB Y7, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	MOVQ      AX, (DI)

	// A byte that the minimum with ' ' leaves as it is, is not above it.
	VPMINUB   Y1, Y4, Y6
	VPMINUB   Y1, Y5, Y7
	VPCMPEQB  Y4, Y6, Y6
	VPCMPEQB  Y5, Y7, Y7
	VPMOVMSKB Y6, AX
	VPMOVMSKB Y7, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	MOVQ      AX, 8(DI)

	VPCMPEQB  Y3, Y4, Y6
	VPCMPEQB  Y3, Y5, Y7
	VPMOVMSKB Y6, AX
	VPMOVMSKB Y7, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	MOVQ      AX, 24(DI)

	VPCMPEQB  Y2, Y4, Y6
	VPCMPEQB  Y2, Y5, Y7
	VPMOVMSKB Y6, BX
	VPMOVMSKB Y7, DX
	SHLQ      $32, DX
	ORQ       DX, BX
	ORQ       BX, AX
	MOVQ      AX, 16(DI)

	ADDQ $64, SI
	ADDQ $32, DI
	DECQ CX
	JNZ  loop

	VZEROUPPER
	RET
