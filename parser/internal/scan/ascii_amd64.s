//go:build !purego

#include "textflag.h"

// func asciiStartAVX2(b *byte, n int) int
TEXT ·asciiStartAVX2(SB), NOSPLIT, $0-24
	MOVQ b+0(FP), SI
	MOVQ n+8(FP), BX
	LEAQ -64(BX), CX // what is left behind the block at SI

loop:
	VMOVDQU   (SI), Y0
	VPOR      32(SI), Y0, Y0
	VPMOVMSKB Y0, AX
	TESTL     AX, AX
	JNZ       some
	ADDQ      $64, SI
	SUBQ      $64, CX
	JGE       loop

	// The 64 bytes before the end.
	VMOVDQU   (SI)(CX*1), Y0
	VPOR      32(SI)(CX*1), Y0, Y0
	VPMOVMSKB Y0, AX
	TESTL     AX, AX
	JNZ       some
	MOVQ      BX, ret+16(FP)
	VZEROUPPER
	RET

some:
	SUBQ b+0(FP), SI
	MOVQ SI, ret+16(FP)
	VZEROUPPER
	RET
