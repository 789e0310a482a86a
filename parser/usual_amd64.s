//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// func matchPairs(d *Logfmt, r *Record, last *link, count int) (n int, special uint64)
//
//	DI  the span         CX  how many there are from it on
//	SI  the edges        R8  the text    R9  its memory's length
//	R10 the last link, then the key's place
//	R11 at               R12 the field's mark in it
//	R13 special          BX  the span's bit
//	R15 the next link
TEXT ·matchPairs(SB), NOSPLIT, $0-48
	MOVQ d+0(FP), SI
	MOVQ r+8(FP), DX
	MOVQ last+16(FP), R10
	MOVQ count+24(FP), CX
	MOVQ (Logfmt_structure+structure_text)(SI), R8
	MOVQ (Logfmt_structure+structure_text+16)(SI), R9
	MOVQ Logfmt_at(SI), AX // every pair has two edges
	LEAQ (Logfmt_edges+edges_edge)(SI)(AX*8), SI
	MOVQ Record_spans(DX), DI
	MOVQ (Record_spans+8)(DX), AX
	MOVQ (Record_Fields+8)(DX), R12
	ADDL AX, R12
	ORL  Record_gen(DX), R12
	IMUL3Q $Span__size, AX, AX
	ADDQ AX, DI
	MOVQ Record_at(DX), R11
	XORL R13, R13
	MOVL $1, BX

loop:
	// The key: of its length, and the same bytes.
	MOVL (SI), AX
	INCL AX           // its start
	MOVL 4(SI), DX    // its end
	MOVQ link_next(R10), R15
	MOVQ DX, R14
	SUBQ AX, R14
	CMPQ R14, link_size(R15)
	JNE  done
	LEAQ 16(AX), R14
	CMPQ R14, R9
	JGT  done
	MOVQ (R8)(AX*1), R14
	XORQ link_start(R15), R14
	ANDQ link_mask(R15), R14
	MOVQ 8(R8)(AX*1), AX
	XORQ    (link_start+8)(R15), AX
	ANDQ    (link_mask+8)(R15), AX
	ORQ     AX, R14
	JNZ     done

	// It has no field yet.
	MOVLQSX link_place(R15), R10
	MOVL    (R11)(R10*4), R14
	XORL    R12, R14
	CMPL    R14, $0xffff
	JBE     done
	MOVL    R12, (R11)(R10*4)
	INCL    R12

	// The value, without its quotes.
	INCQ    DX
	MOVL    8(SI), AX
	CMPQ    DX, AX
	JGE     write // it is empty
	XORL    R14, R14
	CMPB    (R8)(DX*1), $'"'
	SETEQ   R14
	ADDQ    R14, DX
	SUBQ    R14, AX

write:
	MOVL R10, Span_Place(DI)
	MOVL DX, Span_Start(DI)
	MOVL AX, Span_End(DI)
	CMPB link_usual(R15), $const_usualText
	JNE  special

next:
	MOVQ R15, R10
	ADDQ $8, SI
	ADDQ $Span__size, DI
	ADDQ BX, BX
	DECQ CX
	JNZ  loop

done:
	MOVQ count+24(FP), AX
	SUBQ CX, AX
	MOVQ AX, n+32(FP)
	MOVQ R13, special+40(FP)
	RET

special:
	ORQ BX, R13
	JMP next
