//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Writing usual fields: see usual.go. The two functions differ in where they find
// a field's parts.
//
//	SI  the field        CX  how many there are from it on
//	R8  the names        R9  how many
//	DI  where to write   R10 the last place where there is room
//	R11 where the value goes, behind the name

// The name of the place in AX; one that is -1 is more than all.
#define NAME \
	CMPQ    AX, R9                     \
	JAE     done                       \
	IMUL3Q  $strName__size, AX, AX     \
	ADDQ    R8, AX                     \
	MOVQ    strName_size(AX), R11      \
	CMPQ    R11, $const_shortName      \
	JA      done                       \
	ADDQ    DI, R11                    \
	VMOVUPS strName_short(AX), X0      \
	VMOVUPS (strName_short+16)(AX), X1 \
	VMOVUPS X0, (DI)                   \
	VMOVUPS X1, 16(DI)

// The text at AX, of DX bytes.
#define TEXT_VALUE \
	VMOVUPS (AX), X0         \
	VMOVUPS 16(AX), X1       \
	CMPQ    DX, $32          \
	JAE     long             \
	VMOVUPS X0, 1(R11)       \
	VMOVUPS X1, 17(R11)      \
	LEAQ    1(R11)(DX*1), DI \
	ORQ     $0xa0, DX        \
	MOVB    DX, (R11)

// The same from 32 bytes on.
#define LONG_VALUE \
	VMOVUPS 32(AX), X2       \
	VMOVUPS 48(AX), X3       \
	VMOVUPS X0, 2(R11)       \
	VMOVUPS X1, 18(R11)      \
	VMOVUPS X2, 34(R11)      \
	VMOVUPS X3, 50(R11)      \
	MOVB    $0xd9, (R11)     \
	MOVB    DX, 1(R11)       \
	LEAQ    2(R11)(DX*1), DI

// The number in AX, of 32 bits.
#define NUMBER_VALUE \
	MOVL   AX, DX        \
	BSWAPL DX            \
	CMPQ   AX, $0xffff   \
	JBE    small         \
	MOVB   $0xce, (R11)  \
	MOVL   DX, 1(R11)    \
	LEAQ   5(R11), DI    \
	JMP    next          \
small:                   \
	CMPQ   AX, $0xff     \
	JBE    tiny          \
	SHRL   $16, DX       \
	MOVB   $0xcd, (R11)  \
	MOVW   DX, 1(R11)    \
	LEAQ   3(R11), DI    \
	JMP    next          \
tiny:                    \
	CMPQ   AX, $0x7f     \
	JBE    one           \
	MOVB   $0xcc, (R11)  \
	MOVB   AX, 1(R11)    \
	LEAQ   2(R11), DI    \
	JMP    next          \
one:                     \
	MOVB   AX, (R11)     \
	LEAQ   1(R11), DI

// func writeUsual(fields []parser.Field, names []strName, b []byte) (n, size int)
TEXT ·writeUsual(SB), NOSPLIT, $0-88
	CMPB  ·hasAVX(SB), $0
	JEQ   generic
	MOVQ  fields_base+0(FP), SI
	MOVQ  fields_len+8(FP), CX
	MOVQ  names_base+24(FP), R8
	MOVQ  names_len+32(FP), R9
	MOVQ  b_base+48(FP), DI
	MOVQ  b_len+56(FP), R10
	LEAQ  -const_usualRoom(DI)(R10*1), R10
	TESTQ CX, CX
	JZ    done

loop:
	CMPQ DI, R10
	JA   done
	MOVL const_fieldPlace(SI), AX
	NAME
	CMPB const_fieldType(SI), $const_typeText
	JNE  number
	MOVQ const_fieldValue(SI), AX
	MOVQ (const_fieldValue+8)(SI), DX
	CMPQ DX, $const_shortText
	JA   done
	CMPQ (const_fieldValue+16)(SI), $const_shortText
	JLT  done
	TEXT_VALUE

next:
	ADDQ $const_fieldSize, SI
	DECQ CX
	JNZ  loop

done:
	MOVQ fields_len+8(FP), AX
	SUBQ CX, AX
	MOVQ AX, n+72(FP)
	SUBQ b_base+48(FP), DI
	MOVQ DI, size+80(FP)
	RET

generic:
	JMP ·writeUsualGo(SB)

long:
	LONG_VALUE
	JMP next

number:
	MOVQ const_fieldNum(SI), DX
	CMPB const_fieldType(SI), $const_typeInteger
	JNE  bool
	MOVL DX, AX
	CMPQ AX, DX
	JNE  done // 32 bits are not enough
	NUMBER_VALUE
	JMP  next

bool:
	CMPB const_fieldType(SI), $const_typeBool
	JNE  done
	NEGQ DX
	MOVL $0xc2, AX
	ADCL $0, AX // 1 more for true
	JMP  one

// func writeUsualSpans(spans []parser.Span, text []byte, names []strName, b []byte) (n, size int)
//
// R12 is the text and R13 the last place in it of a value.
TEXT ·writeUsualSpans(SB), NOSPLIT, $0-112
	CMPB  ·hasAVX(SB), $0
	JEQ   generic
	MOVQ  spans_base+0(FP), SI
	MOVQ  spans_len+8(FP), CX
	MOVQ  text_base+24(FP), R12
	MOVQ  text_len+32(FP), R13
	MOVQ  names_base+48(FP), R8
	MOVQ  names_len+56(FP), R9
	MOVQ  b_base+72(FP), DI
	MOVQ  b_len+80(FP), R10
	LEAQ  -const_usualRoom(DI)(R10*1), R10
	SUBQ  $const_shortText, R13
	TESTQ CX, CX
	JZ    done

loop:
	CMPQ    DI, R10
	JA      done
	MOVL    const_spanPlace(SI), AX
	NAME
	MOVLQSX const_spanStart(SI), AX
	MOVLQSX const_spanEnd(SI), DX
	TESTQ   AX, AX
	JS      number
	SUBQ    AX, DX
	CMPQ    DX, $const_shortText
	JA      done
	CMPQ    AX, R13
	JGT     done
	ADDQ    R12, AX
	TEXT_VALUE

next:
	ADDQ $const_spanSize, SI
	DECQ CX
	JNZ  loop

done:
	MOVQ spans_len+8(FP), AX
	SUBQ CX, AX
	MOVQ AX, n+96(FP)
	SUBQ b_base+72(FP), DI
	MOVQ DI, size+104(FP)
	RET

generic:
	JMP ·writeUsualSpansGo(SB)

long:
	LONG_VALUE
	JMP next

number:
	MOVL const_spanNum(SI), AX
	NUMBER_VALUE
	JMP  next
