// The descriptor (davit/engine_abi.h, enum davit_gemm_field) as modules see it: a bus f of 32
// fields of 32 bits, and a bus d of products of them, made once in a call.
`ifndef DAVIT_FIELDS_VH
`define DAVIT_FIELDS_VH

`define FIELD(i) f[32 * (i) +: 32]
`define F_MAGIC `FIELD(0)
`define F_FLAGS `FIELD(1)
`define F_IMAGES `FIELD(2)
`define F_IN_H `FIELD(3)
`define F_ROW_BYTES `FIELD(4)
`define F_OUT_H `FIELD(5)
`define F_OUT_W `FIELD(6)
`define F_SEGMENTS_Y `FIELD(7)
`define F_SEGMENTS_X `FIELD(8)
`define F_SEGMENT_BYTES `FIELD(9)
`define F_SEGMENT_STEP_Y `FIELD(10)
`define F_SEGMENT_STEP_X `FIELD(11)
`define F_STRIDE_Y `FIELD(12)
`define F_STRIDE_X `FIELD(13)
`define F_PAD_TOP `FIELD(14)
`define F_PAD_LEFT `FIELD(15)
`define F_PAD_BYTE `FIELD(16)
`define F_K_STEPS `FIELD(17)
`define F_N `FIELD(18)
`define F_N_TILES `FIELD(19)
`define F_PANEL_TILES `FIELD(20)
`define F_PANELS `FIELD(21)
`define F_M `FIELD(22)
`define F_M_TILES `FIELD(23)
`define F_A_WORDS `FIELD(24)
`define F_RESIDUAL_ZERO `FIELD(25)
`define F_RESIDUAL_SCALE `FIELD(26)
`define F_LOW `FIELD(27)
`define F_HIGH `FIELD(28)
`define F_ZERO `FIELD(29)
`define F_GEOMETRY `FIELD(30)
`define F_TAG `FIELD(31)
`define MAGIC 32'h44560002 // DAVIT_GEMM_MAGIC

`define A_U8 f[32 + 0]
`define RESIDUAL f[32 + 1]
`define RESIDUAL_U8 f[32 + 2]
`define C_U8 f[32 + 3]
`define RESIDENT f[32 + 4]

`define PRODUCTS 13
`define PRODUCT(i) d[32 * (i) +: 32]
`define D_ALL_STEPS `PRODUCT(0)    // n_tiles * k_steps
`define D_CARRY_LINE `PRODUCT(1)   // stride_y * row_bytes
`define D_FULL_TILES `PRODUCT(2)   // (panels - 1) * panel_tiles
`define D_PAD_LINE `PRODUCT(3)     // pad_top * row_bytes
`define D_WRAP_ROW `PRODUCT(4)     // out_h * stride_y
`define D_WRAP_BYTE `PRODUCT(5)    // out_w * stride_x
`define D_IMAGE_BYTES `PRODUCT(6)  // in_h * row_bytes
`define D_SEGMENT_LINE `PRODUCT(7) // segment_step_y * row_bytes
`define D_MN `PRODUCT(8)           // m * n
`define D_PANEL_STEPS `PRODUCT(9)  // panel_tiles * k_steps
`define D_WRAP_LINE `PRODUCT(10)   // out_h * carry_line
`define D_LAST_STEPS `PRODUCT(11)  // last_tiles * k_steps
`define D_LAST_TILES `PRODUCT(12)  // n_tiles - full_tiles
`endif
