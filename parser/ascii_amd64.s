//go:build !purego

#include "textflag.h"

// func asciiBlocksAVX2(b *byte, n int) (ascii int)
TEXT ·asciiBlocksAVX2(SB), NOSPLIT, $0-24
	MOVQ b+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ CX, DX

loop:
	VMOVDQU   (SI), Y0
	VPOR      32(SI), Y0, Y0
	VPMOVMSKB Y0, AX
	TESTL     AX, AX
	JNZ       done
	ADDQ      $64, SI
	DECQ      CX
	JNZ       loop

done:
	SUBQ CX, DX
	MOVQ DX, ascii+16(FP)
	VZEROUPPER
	RET
