//go:build !purego

#include "textflag.h"

// Finding the edges of pairs: see pairs.go, findPairsGo above all.
//
//	R8  the state             DI  where the next edge goes
//	SI  the window            R9  the block's index in the text
//	CX  how much is left of it
//	R10 inside  R11 valued, as all ones  R12 started  R13 closed
//
// Masks of a block: AX '=', BX blank, DX '"', R14 '\\'; then R15 the edges.

// Where the numbers of the state are, see pairState.
#define COUNT   0(R8)
#define INSIDE  8(R8)
#define VALUED  16(R8)
#define ESCAPED 24(R8)
#define STARTED 32(R8)
#define CLOSED  40(R8)
#define ENDED   48(R8)
#define SEEN    56(R8)

#define ARGUMENTS \
	MOVQ state+0(FP), R8           \
	MOVQ edges+8(FP), DI           \
	MOVQ window+16(FP), SI         \
	MOVQ n+24(FP), CX              \
	MOVQ base+32(FP), R9           \
	MOVQ COUNT, AX                 \
	LEAQ (DI)(AX*4), DI            \
	MOVQ INSIDE, R10               \
	MOVQ VALUED, R11               \
	NEGQ R11                       \
	MOVQ STARTED, R12              \
	MOVQ CLOSED, R13               \
	VPCMPEQB X7, X7, X7 // the parity of x is its carryless product with ones

#define RESULTS \
	NEGQ R11                    \
	MOVQ R10, INSIDE            \
	MOVQ R11, VALUED            \
	MOVQ R12, STARTED           \
	MOVQ R13, CLOSED            \
	MOVQ edges+8(FP), AX        \
	SUBQ AX, DI                 \
	SHRQ $2, DI                 \
	MOVQ DI, COUNT              \
	VZEROUPPER

// R15 is what is a backslash or escaped.
#define ANY_ESCAPES \
	MOVQ ESCAPED, R15 \
	ORQ  R14, R15

// See unescaped.
#define UNESCAPED \
	ORQ   $1, SEEN               \
	VMOVQ AX, X9                 \
	VMOVQ BX, X10                \
	VMOVQ CX, X11                \
	MOVQ  ESCAPED, AX            \
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
	MOVQ  CX, ESCAPED            \
	VMOVQ X9, AX                 \
	VMOVQ X10, BX                \
	VMOVQ X11, CX

// From masks to edges, as in findPairsGo.
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
	MOVQ       ENDED, R12      \
	LEAQ       (R12)(R15*2), R12 \
	ANDQ       BX, R12          \
	ORQ        R12, R14         \
	MOVQ       R15, BX          \
	SHRQ       $63, BX          \
	MOVQ       BX, ENDED       \
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

// func findPairsAVX2(state *[8]uint64, edges *uint32, window *byte, n, base int) bool
TEXT ·findPairsAVX2(SB), NOSPLIT, $0-41
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
	ORQ  $2, SEEN
	JMP  closed

more:
	LEAQ 24(DI), BX

moreLoop:
	EDGE((BX))
	LEAQ 4(BX), BX
	JNZ  moreLoop
	JMP  next

irregular:
	MOVB $0, ret+40(FP)
	RESULTS
	RET

done:
	MOVB $1, ret+40(FP)
	RESULTS
	RET

// '=', ' ', '"' and '\\', four times each.
DATA bytes<>+0(SB)/8, $0x202020203d3d3d3d
DATA bytes<>+8(SB)/8, $0x5c5c5c5c22222222
GLOBL bytes<>(SB), RODATA|NOPTR, $16
