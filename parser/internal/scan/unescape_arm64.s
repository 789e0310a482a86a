//go:build !purego

#include "textflag.h"
#include "gather_arm64.h"

// Moves eight bytes without those that the low byte of the mask in R10 drops.
#define SQUEEZE(at) \
	AND     $0xff, R10, R11           \
	LSR     $8, R10, R10              \
	FMOVD   at(R1), F4                \
	FMOVD   (R5)(R11<<3), F5          \
	VTBL    V5.B16, [V4.B16], V4.B16  \
	FMOVD   F4, (R0)                  \
	MOVBU   (R6)(R11), R12            \
	ADD     R12, R0, R0

// func dropEscapesNEON(dst, src *byte, n, least int, ends *ending, squeezes *[256]uint64, counts *[256]uint8) (read, written int)
TEXT ·dropEscapesNEON(SB), NOSPLIT, $0-72
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2
	MOVD least+24(FP), R3
	MOVD ends+32(FP), R4
	MOVD squeezes+40(FP), R5
	MOVD counts+48(FP), R6

	MOVD 8(R4), R7      // the first byte above those that end the text, eight times
	VDUP R7, V18.D2
	MOVD 0(R4), R4      // all ones if a quote ends the text
	MOVD $0x22, R7      // '"'
	VDUP R7, V16.B16
	MOVD $0x5c, R7      // '\\'
	VDUP R7, V17.B16
	MOVD $0x8040201008040201, R7
	VDUP R7, V20.D2
	MOVD $0x5555555555555555, R13
	MOVD $-1, R14       // the bytes of the block that count

loop:
	CMP  $64, R2
	BGE  whole
	MOVD $1, R7
	LSL  R2, R7, R14
	SUB  $1, R14, R14

whole:
	VLD1  (R1), [V0.B16, V1.B16, V2.B16, V3.B16]
	VCMEQ V17.B16, V0.B16, V4.B16
	VCMEQ V17.B16, V1.B16, V5.B16
	VCMEQ V17.B16, V2.B16, V6.B16
	VCMEQ V17.B16, V3.B16, V7.B16
	GATHER(R7)
	AND   R14, R7, R7   // backslashes
	VCMEQ V16.B16, V0.B16, V4.B16
	VCMEQ V16.B16, V1.B16, V5.B16
	VCMEQ V16.B16, V2.B16, V6.B16
	VCMEQ V16.B16, V3.B16, V7.B16
	GATHER(R8)
	AND   R14, R8, R8   // quotes
	VUMAX V18.B16, V0.B16, V4.B16
	VUMAX V18.B16, V1.B16, V5.B16
	VUMAX V18.B16, V2.B16, V6.B16
	VUMAX V18.B16, V3.B16, V7.B16
	VCMEQ V4.B16, V0.B16, V4.B16
	VCMEQ V5.B16, V1.B16, V5.B16
	VCMEQ V6.B16, V2.B16, V6.B16
	VCMEQ V7.B16, V3.B16, V7.B16
	GATHER(R9)
	BIC   R9, R14, R9   // control bytes
	ADD   $1, R14, R15
	ORR   R15, R9, R9   // and the end of a short block
	CBNZ  R7, escapes

	VST1 [V0.B16, V1.B16, V2.B16, V3.B16], (R0)
	AND  R4, R8, R8
	ORR  R9, R8, R8
	CBNZ R8, end
	ADD  $64, R1, R1
	ADD  $64, R0, R0
	SUB  $64, R2, R2
	CMP  R3, R2
	BGE  loop
	B    done

end:
	RBIT R8, R8
	CLZ  R8, R8
	ADD  R8, R1, R1
	ADD  R8, R0, R0
	B    done

escapes:
	// What is escaped: the byte behind each run of backslashes of odd length and
	// every second one in a run.
	LSL $1, R7, R10     // follows a backslash
	ORR R13, R10, R11
	BIC R11, R7, R11    // runs that start at an odd place
	ADD R7, R11, R11
	LSL $1, R11, R11
	EOR R13, R11, R11
	AND R10, R11, R11   // escaped

	BIC R11, R7, R10    // backslashes that start an escape
	AND R4, R8, R12
	BIC R11, R12, R12
	ORR R12, R9, R9     // ends
	ORR R7, R8, R8
	BIC R8, R11, R8     // escaped, and neither quote nor backslash
	ORR R8>>1, R9, R9
	AND $0x8000000000000000, R10, R8
	ORR R8, R9, R9      // an escape that goes on behind the block
	MVN R10, R10        // what is kept
	MOVD R10, R8
	MOVD R0, R7

	SQUEEZE(0)
	SQUEEZE(8)
	SQUEEZE(16)
	SQUEEZE(24)
	SQUEEZE(32)
	SQUEEZE(40)
	SQUEEZE(48)
	SQUEEZE(56)

	CBNZ R9, stop
	ADD  $64, R1, R1
	SUB  $64, R2, R2
	CMP  R3, R2
	BGE  loop
	B    done

stop:
	// Only what is before the first such place is done.
	SUB  $1, R9, R10
	BIC  R9, R10, R10
	AND  R10, R8, R8
	VMOV R8, V4.D[0]
	VCNT V4.B8, V4.B8
	VUADDLV V4.B8, V4
	VMOV V4.H[0], R8
	ADD  R8, R7, R0
	RBIT R9, R9
	CLZ  R9, R9
	ADD  R9, R1, R1
	SUB  R9, R2, R2
	CMP  $63, R9
	BNE  done
	MOVBU (R1), R8
	CMP  $0x5c, R8
	BNE  done
	CMP  R3, R2
	BGE  loop

done:
	MOVD src+8(FP), R7
	SUB  R7, R1, R1
	MOVD R1, read+56(FP)
	MOVD dst+0(FP), R7
	SUB  R7, R0, R0
	MOVD R0, written+64(FP)
	RET
