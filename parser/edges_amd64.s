//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Finding edges: see edges.go, edgesGo above all. There are two variants, which
// differ in how they make masks and write edges down.
//
//	R8  the edges             DI  where the next edge goes
//	SI  the window            R9  the block's index in the text
//	CX  how much is left of it
//	R10 inside  R11 valued, as all ones  R12 started  R13 closed
//
// Masks of a block: AX '=', BX blank, DX '"', R14 '\\'; then R15 the edges.

#define ARGUMENTS \
	MOVQ e+0(FP), R8               \
	MOVQ window+8(FP), SI          \
	MOVQ n+16(FP), CX              \
	MOVQ base+24(FP), R9           \
	MOVQ edges_count(R8), DI       \
	LEAQ edges_edge(R8)(DI*4), DI  \
	MOVQ edges_inside(R8), R10     \
	MOVQ edges_valued(R8), R11     \
	NEGQ R11                       \
	MOVQ edges_started(R8), R12    \
	MOVQ edges_closed(R8), R13     \
	VPCMPEQB X7, X7, X7 // the parity of x is its carryless product with ones

#define RESULTS \
	NEGQ R11                    \
	MOVQ R10, edges_inside(R8)  \
	MOVQ R11, edges_valued(R8)  \
	MOVQ R12, edges_started(R8) \
	MOVQ R13, edges_closed(R8)  \
	LEAQ edges_edge(R8), AX     \
	SUBQ AX, DI                 \
	SHRQ $2, DI                 \
	MOVQ DI, edges_count(R8)    \
	VZEROUPPER

// R15 is what is a backslash or escaped.
#define ANY_ESCAPES \
	MOVQ edges_escaped(R8), R15 \
	ORQ  R14, R15

// See unescaped.
#define UNESCAPED \
	MOVB  $1, edges_escapes(R8)  \
	VMOVQ AX, X9                 \
	VMOVQ BX, X10                \
	VMOVQ CX, X11                \
	MOVQ  edges_escaped(R8), AX  \
	ANDNQ R14, AX, AX            \
	MOVQ  $0xaaaaaaaaaaaaaaaa, BX \
	LEAQ  (AX)(AX*1), CX         \
	ORQ   BX, CX                 \
	SUBQ  AX, CX                 \
	XORQ  BX, CX                 \
	XORQ  CX, R15                \
	ANDNQ DX, R15, DX            \
	ANDQ  R14, CX                \
	SHRQ  $63, CX                \
	MOVQ  CX, edges_escaped(R8)  \
	VMOVQ X9, AX                 \
	VMOVQ X10, BX                \
	VMOVQ X11, CX

// From masks to edges, as in edgesGo.
#define ARITHMETIC \
	VMOVQ      DX, X6           \
	VPCLMULQDQ $0, X7, X6, X6   \
	VMOVQ      X6, R14          \
	XORQ       R10, R14         \
	MOVQ       R14, R10         \
	SARQ       $63, R10         \
	ANDNQ      AX, R14, AX      \
	ANDNQ      BX, R14, BX      \
	MOVQ       BX, R15          \
	ADDQ       R11, R11         \
	SBBQ       AX, R15          \
	SBBQ       R11, R11         \
	ANDQ       R15, AX          \
	ANDNQ      BX, R15, R15     \
	ANDQ       DX, R14          \
	XORQ       R14, DX          \
	LEAQ       (R12)(AX*2), R12 \
	ANDNQ      R14, R12, R14    \
	LEAQ       (R13)(DX*2), R13 \
	ANDNQ      R13, BX, R13     \
	JNZ        behind           \
closed:                         \
	ORQ        AX, BX           \
	MOVQ       edges_ended(R8), R12 \
	LEAQ       (R12)(R15*2), R12 \
	ANDQ       BX, R12          \
	ORQ        R12, R14         \
	MOVQ       R15, BX          \
	SHRQ       $63, BX          \
	MOVQ       BX, edges_ended(R8) \
	MOVQ       AX, R12          \
	SHRQ       $63, R12         \
	MOVQ       DX, R13          \
	SHRQ       $63, R13         \
	ORQ        AX, R15          \
	MOVQ       R15, AX          \
	ORQ        R11, AX          \
	JZ         irregular        \
	TESTQ      R14, R14         \
	JNZ        irregular

// Masks of the block in Y4 and Y5.
#define MASKS_AVX2 \
	VPCMPEQB  Y0, Y4, Y6 \
	VPCMPEQB  Y0, Y5, Y8 \
	VPMOVMSKB Y6, AX     \
	VPMOVMSKB Y8, R15    \
	SHLQ      $32, R15   \
	ORQ       R15, AX    \
	VPMINUB   Y1, Y4, Y6 \
	VPMINUB   Y1, Y5, Y8 \
	VPCMPEQB  Y4, Y6, Y6 \
	VPCMPEQB  Y5, Y8, Y8 \
	VPMOVMSKB Y6, BX     \
	VPMOVMSKB Y8, R15    \
	SHLQ      $32, R15   \
	ORQ       R15, BX    \
	VPCMPEQB  Y2, Y4, Y6 \
	VPCMPEQB  Y2, Y5, Y8 \
	VPMOVMSKB Y6, DX     \
	VPMOVMSKB Y8, R15    \
	SHLQ      $32, R15   \
	ORQ       R15, DX    \
	VPCMPEQB  Y3, Y4, Y6 \
	VPCMPEQB  Y3, Y5, Y8 \
	VPMOVMSKB Y6, R14    \
	VPMOVMSKB Y8, R15    \
	SHLQ      $32, R15   \
	ORQ       R15, R14

// The lowest edge in R15 goes to memory.
#define EDGE(at) \
	TZCNTQ R15, AX \
	ADDL   R9, AX  \
	MOVL   AX, at  \
	BLSRQ  R15, R15

// func edgesAVX2(e *edges, window *byte, n, base int) bool
TEXT ·edgesAVX2(SB), NOSPLIT, $0-33
	ARGUMENTS
	VPBROADCASTD bytes<>+0(SB), Y0
	VPBROADCASTD bytes<>+4(SB), Y1
	VPBROADCASTD bytes<>+8(SB), Y2
	VPBROADCASTD bytes<>+12(SB), Y3

	CMPQ CX, $64
	JB   end

loop:
	VMOVDQU (SI), Y4
	VMOVDQU 32(SI), Y5
	MASKS_AVX2

classified:
	ANY_ESCAPES
	JNZ escapes

arithmetic:
	ARITHMETIC

	// Six at a time: more than there are costs less than a loop's branch.
	POPCNTQ R15, DX
	EDGE((DI))
	EDGE(4(DI))
	EDGE(8(DI))
	EDGE(12(DI))
	EDGE(16(DI))
	EDGE(20(DI))
	CMPQ    DX, $6
	JA      more

next:
	LEAQ (DI)(DX*4), DI
	ADDQ $64, SI
	ADDL $64, R9
	SUBQ $64, CX
	CMPQ CX, $64
	JAE  loop

end:
	TESTQ CX, CX
	JZ    done

	// The last block, from the 64 bytes before the end.
	SUBQ    $64, CX
	ADDQ    CX, SI
	VMOVDQU (SI), Y4
	VMOVDQU 32(SI), Y5
	NEGQ    CX
	MASKS_AVX2
	SHRXQ   CX, AX, AX
	SHRXQ   CX, BX, BX
	SHRXQ   CX, DX, DX
	SHRXQ   CX, R14, R14
	NEGQ    CX
	BTSQ    CX, BX
	MOVQ    $64, CX
	JMP     classified

escapes:
	UNESCAPED
	JMP arithmetic

behind:
	MOVB $1, edges_damaged(R8)
	JMP  closed

more:
	LEAQ 24(DI), BX

moreLoop:
	EDGE((BX))
	LEAQ 4(BX), BX
	JNZ  moreLoop
	JMP  next

irregular:
	MOVB $0, ret+32(FP)
	RESULTS
	RET

done:
	MOVB $1, ret+32(FP)
	RESULTS
	RET

// func edgesAVX512(e *edges, window *byte, n, base int) bool
TEXT ·edgesAVX512(SB), NOSPLIT, $0-33
	ARGUMENTS
	VPBROADCASTD bytes<>+0(SB), Z0
	VPBROADCASTD bytes<>+4(SB), Z1
	VPBROADCASTD bytes<>+8(SB), Z2
	VPBROADCASTD bytes<>+12(SB), Z3
	VPTERNLOGD   $0xff, Z7, Z7, Z7
	VMOVDQU64    places<>(SB), Z16
	VPBROADCASTD R9, Z17
	MOVL         $64, AX
	VPBROADCASTD AX, Z18
	JMP          check

loop:
	VMOVDQU64 (SI), Z4

classify:
	VPCMPEQB Z0, Z4, K1
	VPCMPUB  $2, Z1, Z4, K2
	VPCMPEQB Z2, Z4, K3
	VPCMPEQB Z3, Z4, K4
	KMOVQ    K1, AX
	KMOVQ    K2, BX
	KMOVQ    K3, DX
	KMOVQ    K4, R14
	ANY_ESCAPES
	JNZ      escapes

arithmetic:
	ARITHMETIC

	// The places of the edges in the block, side by side, as 16 numbers.
	KMOVQ        R15, K1
	POPCNTQ      R15, DX
	VPCOMPRESSB  Z16, K1, Z5
	VPMOVZXBD    X5, Z6
	VPADDD       Z17, Z6, Z6
	VMOVDQU32    Z6, (DI)
	CMPQ         DX, $16
	JA           more

next:
	LEAQ   (DI)(DX*4), DI
	ADDQ   $64, SI
	VPADDD Z18, Z17, Z17
	SUBQ   $64, CX

check:
	CMPQ CX, $64
	JGE  loop
	TESTQ CX, CX
	JLE  done

	// The last block, and behind it a blank and bytes of no class.
	MOVQ       $-1, AX
	BZHIQ      CX, AX, BX
	BTRQ       CX, AX
	KMOVQ      BX, K1
	KMOVQ      AX, K2
	VMOVDQU8.Z Z7, K2, Z4
	VMOVDQU8   (SI), K1, Z4
	JMP        classify

escapes:
	UNESCAPED
	JMP arithmetic

behind:
	MOVB $1, edges_damaged(R8)
	JMP  closed

more:
	VEXTRACTI32X4 $1, Z5, X6
	VPMOVZXBD     X6, Z6
	VPADDD        Z17, Z6, Z6
	VMOVDQU32     Z6, 64(DI)
	VEXTRACTI32X4 $2, Z5, X6
	VPMOVZXBD     X6, Z6
	VPADDD        Z17, Z6, Z6
	VMOVDQU32     Z6, 128(DI)
	VEXTRACTI32X4 $3, Z5, X6
	VPMOVZXBD     X6, Z6
	VPADDD        Z17, Z6, Z6
	VMOVDQU32     Z6, 192(DI)
	JMP           next

irregular:
	MOVB $0, ret+32(FP)
	RESULTS
	RET

done:
	MOVB $1, ret+32(FP)
	RESULTS
	RET

// '=', ' ', '"' and '\\', four times each.
DATA bytes<>+0(SB)/8, $0x202020203d3d3d3d
DATA bytes<>+8(SB)/8, $0x5c5c5c5c22222222
GLOBL bytes<>(SB), RODATA|NOPTR, $16

// The numbers from 0 to 63.
DATA places<>+0(SB)/8, $0x0706050403020100
DATA places<>+8(SB)/8, $0x0f0e0d0c0b0a0908
DATA places<>+16(SB)/8, $0x1716151413121110
DATA places<>+24(SB)/8, $0x1f1e1d1c1b1a1918
DATA places<>+32(SB)/8, $0x2726252423222120
DATA places<>+40(SB)/8, $0x2f2e2d2c2b2a2928
DATA places<>+48(SB)/8, $0x3736353433323130
DATA places<>+56(SB)/8, $0x3f3e3d3c3b3a3938
GLOBL places<>(SB), RODATA|NOPTR, $64
