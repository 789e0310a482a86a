// Puts one bit for each byte of V4 to V7, which are all ones or all zeroes, into
// a register: each byte keeps the bit of its place in its eight, and three times
// neighbours are added.
#define GATHER(reg) \
	VAND  V20.B16, V4.B16, V4.B16 \
	VAND  V20.B16, V5.B16, V5.B16 \
	VAND  V20.B16, V6.B16, V6.B16 \
	VAND  V20.B16, V7.B16, V7.B16 \
	VADDP V5.B16, V4.B16, V4.B16  \
	VADDP V7.B16, V6.B16, V6.B16  \
	VADDP V6.B16, V4.B16, V4.B16  \
	VADDP V4.B16, V4.B16, V4.B16  \
	VMOV  V4.D[0], reg
