//go:build !purego

#include "textflag.h"

// func markEndsAVX2(text *byte, n int, masks *uint64)
TEXT ·markEndsAVX2(SB), NOSPLIT, $0-24
	MOVQ text+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ masks+16(FP), DI

	MOVL         $0x22222222, AX // '"'
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	MOVL         $0x5c5c5c5c, AX // '\\'
	VMOVD        AX, X1
	VPBROADCASTD X1, Y1
	MOVL         $0x1f1f1f1f, AX // the last control byte
	VMOVD        AX, X2
	VPBROADCASTD X2, Y2

loop:
	VMOVDQU (SI), Y4
	VMOVDQU 32(SI), Y5

	// A byte that the minimum with 0x1f leaves as it is, is not above it.
	VPMINUB   Y2, Y4, Y6
	VPMINUB   Y2, Y5, Y7
	VPCMPEQB  Y4, Y6, Y6
	VPCMPEQB  Y5, Y7, Y7
	VPCMPEQB  Y0, Y4, Y8
	VPCMPEQB  Y0, Y5, Y9
	VPCMPEQB  Y1, Y4, Y4
	VPCMPEQB  Y1, Y5, Y5
	VPOR      Y8, Y6, Y6
	VPOR      Y9, Y7, Y7
	VPOR      Y4, Y6, Y6
	VPOR      Y5, Y7, Y7
	VPMOVMSKB Y6, AX
	VPMOVMSKB Y7, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	MOVQ      AX, (DI)

	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  loop

	VZEROUPPER
	RET
