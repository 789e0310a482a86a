//go:build !purego

#include "textflag.h"

// Moves eight bytes without those that the low byte of the mask in AX drops.
#define SQUEEZE(at) \
	MOVBLZX AX, R8              \
	SHRQ    $8, AX              \
	VMOVQ   at(SI), X8          \
	VMOVQ   (R10)(R8*8), X9     \
	VPSHUFB X9, X8, X8          \
	VMOVQ   X8, (DI)            \
	POPCNTL R8, R8              \
	ADDQ    R8, DI

// func dropEscapesAVX2(dst, src *byte, n, least int, ends *ending, squeezes *[256]uint64) (read, written int)
TEXT ·dropEscapesAVX2(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ ends+32(FP), AX
	MOVQ 0(AX), R9               // all ones if a quote ends the text
	VPBROADCASTB 8(AX), Y2       // the first byte above those that end it too
	MOVQ squeezes+40(FP), R10

	MOVL         $0x22222222, AX // '"'
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	MOVL         $0x5c5c5c5c, AX // '\\'
	VMOVD        AX, X1
	VPBROADCASTD X1, Y1
	MOVQ         $0x5555555555555555, R11
	MOVQ         $-1, R14 // the bytes of the block that count

loop:
	CMPQ CX, $64
	JGE  whole
	MOVQ $1, R14
	SHLQ CX, R14
	DECQ R14

whole:
	VMOVDQU (SI), Y4
	VMOVDQU 32(SI), Y5

	VPCMPEQB  Y1, Y4, Y6
	VPCMPEQB  Y1, Y5, Y7
	VPMOVMSKB Y6, BX
	VPMOVMSKB Y7, AX
	SHLQ      $32, AX
	ORQ       AX, BX
	ANDQ      R14, BX            // backslashes
	VPCMPEQB  Y0, Y4, Y6
	VPCMPEQB  Y0, Y5, Y7
	VPMOVMSKB Y6, DX
	VPMOVMSKB Y7, AX
	SHLQ      $32, AX
	ORQ       AX, DX
	ANDQ      R14, DX            // quotes
	VPMAXUB   Y2, Y4, Y6
	VPMAXUB   Y2, Y5, Y7
	VPCMPEQB  Y4, Y6, Y6
	VPCMPEQB  Y5, Y7, Y7
	VPMOVMSKB Y6, R8
	VPMOVMSKB Y7, AX
	SHLQ      $32, AX
	ORQ       AX, R8
	NOTQ      R8
	ANDQ      R14, R8            // control bytes
	TESTQ     BX, BX
	JNZ       escapes

	VMOVDQU Y4, (DI)
	VMOVDQU Y5, 32(DI)
	ANDQ    R9, DX
	ORQ     R8, DX
	LEAQ    1(R14), AX
	ORQ     AX, DX
	JNZ     end
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $64, CX
	CMPQ    CX, least+24(FP)
	JGE     loop
	JMP     done

end:
	BSFQ DX, DX
	ADDQ DX, SI
	ADDQ DX, DI
	JMP  done

escapes:
	// What is escaped: the byte behind each run of backslashes of odd length and
	// every second one in a run.
	MOVQ R8, R13
	MOVQ BX, R8
	SHLQ $1, R8                  // follows a backslash
	MOVQ R8, R12
	ORQ  R11, R12
	NOTQ R12
	ANDQ BX, R12                 // runs that start at an odd place
	ADDQ BX, R12
	SHLQ $1, R12
	XORQ R11, R12
	ANDQ R8, R12                 // escaped

	MOVQ R12, AX
	NOTQ AX
	ANDQ BX, AX                  // backslashes that start an escape
	MOVQ R12, R8
	NOTQ R8
	ANDQ R9, R8
	ANDQ DX, R8
	ORQ  R13, R8                 // ends
	ORQ  BX, DX
	NOTQ DX
	ANDQ R12, DX                 // escaped, and neither quote nor backslash
	SHRQ $1, DX
	ORQ  R8, DX
	MOVQ AX, R8
	SHRQ $63, R8
	SHLQ $63, R8                 // an escape that goes on behind the block
	ORQ  R8, DX
	LEAQ 1(R14), R8
	ORQ  R8, DX
	NOTQ AX                      // what is kept
	MOVQ AX, R13
	MOVQ DI, R12

	SQUEEZE(0)
	SQUEEZE(8)
	SQUEEZE(16)
	SQUEEZE(24)
	SQUEEZE(32)
	SQUEEZE(40)
	SQUEEZE(48)
	SQUEEZE(56)

	TESTQ DX, DX
	JNZ   stop
	ADDQ  $64, SI
	SUBQ  $64, CX
	CMPQ  CX, least+24(FP)
	JGE   loop
	JMP   done

stop:
	// Only what is before the first such place is done.
	MOVQ    DX, AX
	BLSMSKQ DX, AX
	SHRQ    $1, AX
	ANDQ    AX, R13
	POPCNTQ R13, R13
	LEAQ    (R12)(R13*1), DI
	BSFQ    DX, DX
	ADDQ    DX, SI
	SUBQ    DX, CX
	CMPQ    DX, $63
	JNE     done
	CMPB    (SI), $0x5c
	JNE     done
	CMPQ    CX, least+24(FP)
	JGE     loop

done:
	SUBQ src+8(FP), SI
	MOVQ SI, read+48(FP)
	SUBQ dst+0(FP), DI
	MOVQ DI, written+56(FP)
	VZEROUPPER
	RET
