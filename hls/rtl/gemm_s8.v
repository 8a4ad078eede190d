// gemm_s8: the RTL twin of hls/gemm_s8. hls/README.md draws it; each module is one process, each
// queue between modules one FIFO.
`default_nettype none
`include "fields.vh"

module gemm_s8 #(
    parameter ROWS = 7,
    parameter COLUMNS = 32, // 16, 32 or 64
    parameter MAP_WORDS = 16384,
    parameter TILE_STEPS = 2048,
    parameter PANEL_STEPS = 2048,
    parameter PANEL_TILES = 64,
    parameter TABLE_TILES = 512,
    parameter PORT_WORDS = 512 // queue of a port
) (
    input wire ap_clk,
    input wire ap_rst_n,
    output wire interrupt,

    input wire s_axi_control_awvalid,
    output wire s_axi_control_awready,
    input wire [6:0] s_axi_control_awaddr,
    input wire s_axi_control_wvalid,
    output wire s_axi_control_wready,
    input wire [31:0] s_axi_control_wdata,
    input wire [3:0] s_axi_control_wstrb,
    output wire s_axi_control_bvalid,
    input wire s_axi_control_bready,
    output wire [1:0] s_axi_control_bresp,
    input wire s_axi_control_arvalid,
    output wire s_axi_control_arready,
    input wire [6:0] s_axi_control_araddr,
    output wire s_axi_control_rvalid,
    input wire s_axi_control_rready,
    output wire [31:0] s_axi_control_rdata,
    output wire [1:0] s_axi_control_rresp,

    output wire m_axi_gmem_a_arvalid,
    input wire m_axi_gmem_a_arready,
    output wire [63:0] m_axi_gmem_a_araddr,
    output wire [7:0] m_axi_gmem_a_arlen,
    output wire [2:0] m_axi_gmem_a_arsize,
    output wire [1:0] m_axi_gmem_a_arburst,
    input wire m_axi_gmem_a_rvalid,
    output wire m_axi_gmem_a_rready,
    input wire [511:0] m_axi_gmem_a_rdata,
    input wire m_axi_gmem_a_rlast,
    input wire [1:0] m_axi_gmem_a_rresp,

    output wire m_axi_gmem_b_arvalid,
    input wire m_axi_gmem_b_arready,
    output wire [63:0] m_axi_gmem_b_araddr,
    output wire [7:0] m_axi_gmem_b_arlen,
    output wire [2:0] m_axi_gmem_b_arsize,
    output wire [1:0] m_axi_gmem_b_arburst,
    input wire m_axi_gmem_b_rvalid,
    output wire m_axi_gmem_b_rready,
    input wire [511:0] m_axi_gmem_b_rdata,
    input wire m_axi_gmem_b_rlast,
    input wire [1:0] m_axi_gmem_b_rresp,

    output wire m_axi_gmem_p_arvalid,
    input wire m_axi_gmem_p_arready,
    output wire [63:0] m_axi_gmem_p_araddr,
    output wire [7:0] m_axi_gmem_p_arlen,
    output wire [2:0] m_axi_gmem_p_arsize,
    output wire [1:0] m_axi_gmem_p_arburst,
    input wire m_axi_gmem_p_rvalid,
    output wire m_axi_gmem_p_rready,
    input wire [511:0] m_axi_gmem_p_rdata,
    input wire m_axi_gmem_p_rlast,
    input wire [1:0] m_axi_gmem_p_rresp,

    output wire m_axi_gmem_r_arvalid,
    input wire m_axi_gmem_r_arready,
    output wire [63:0] m_axi_gmem_r_araddr,
    output wire [7:0] m_axi_gmem_r_arlen,
    output wire [2:0] m_axi_gmem_r_arsize,
    output wire [1:0] m_axi_gmem_r_arburst,
    input wire m_axi_gmem_r_rvalid,
    output wire m_axi_gmem_r_rready,
    input wire [511:0] m_axi_gmem_r_rdata,
    input wire m_axi_gmem_r_rlast,
    input wire [1:0] m_axi_gmem_r_rresp,

    output wire m_axi_gmem_c_awvalid,
    input wire m_axi_gmem_c_awready,
    output wire [63:0] m_axi_gmem_c_awaddr,
    output wire [7:0] m_axi_gmem_c_awlen,
    output wire [2:0] m_axi_gmem_c_awsize,
    output wire [1:0] m_axi_gmem_c_awburst,
    output wire m_axi_gmem_c_wvalid,
    input wire m_axi_gmem_c_wready,
    output wire [511:0] m_axi_gmem_c_wdata,
    output wire [63:0] m_axi_gmem_c_wstrb,
    output wire m_axi_gmem_c_wlast,
    input wire m_axi_gmem_c_bvalid,
    output wire m_axi_gmem_c_bready,
    input wire [1:0] m_axi_gmem_c_bresp
);
    wire clk = ap_clk;
    reg rst;
    always @(posedge clk) rst <= !ap_rst_n;

    // ---- the call ----
    wire start, ready, finished, idle, go;
    wire start_descriptor, start_table, start_a, start_b, start_results;
    wire [383:0] addresses;
    wire fold, start_end, ending, refused, c_sent;
    wire [511:0] end_word;
    wire [1023:0] f;
    wire [32*`PRODUCTS-1:0] d;
    wire a_idle, b_idle, p_idle, r_idle, c_idle;
    wire a_empty, b_empty, p_empty, r_empty;
    wire a_pop, b_pop, p_pop, r_pop, descriptor_pop, table_pop;
    wire [511:0] a_word, b_word, p_word, r_word;

    davit_control control (
        .clk(clk), .rst(rst), .awvalid(s_axi_control_awvalid), .awready(s_axi_control_awready),
        .awaddr(s_axi_control_awaddr), .wvalid(s_axi_control_wvalid),
        .wready(s_axi_control_wready), .wdata(s_axi_control_wdata), .wstrb(s_axi_control_wstrb),
        .bvalid(s_axi_control_bvalid), .bready(s_axi_control_bready), .bresp(s_axi_control_bresp),
        .arvalid(s_axi_control_arvalid), .arready(s_axi_control_arready),
        .araddr(s_axi_control_araddr), .rvalid(s_axi_control_rvalid),
        .rready(s_axi_control_rready), .rdata(s_axi_control_rdata), .rresp(s_axi_control_rresp),
        .interrupt(interrupt), .start(start), .ready(ready), .finished(finished), .idle(idle),
        .addresses(addresses));
    davit_job #(.ROWS(ROWS), .COLUMNS(COLUMNS)) job (
        .clk(clk), .rst(rst), .start(start), .ready(ready), .finished(finished), .idle(idle),
        .f(f), .d(d), .p_empty(p_empty), .p(p_word), .p_pop(descriptor_pop),
        .start_descriptor(start_descriptor), .start_table(start_table), .start_a(start_a),
        .start_b(start_b), .start_results(start_results), .go(go),
        .all_read(a_idle && b_idle && p_idle && r_idle), .all_sent(c_sent), .all_written(c_idle),
        .fold(fold), .start_end(start_end), .ending(ending), .refused(refused));
    assign p_pop = descriptor_pop || table_pop;

    // ---- ports ----
    localparam STEP_WORDS = COLUMNS / 8;
    localparam TILE_WORDS = COLUMNS * 12 / 64;
    wire [57:0] a_base = addresses[6 +: 58];
    wire [57:0] b_base = addresses[64+6 +: 58];
    wire [57:0] p_base = addresses[128+6 +: 58];
    wire [57:0] r_base = addresses[192+6 +: 58];
    wire [57:0] c_base = addresses[256+6 +: 58];
    wire [57:0] e_base = addresses[320+6 +: 58];
    wire [31:0] passes = `RESIDENT ? 1 : `F_PANELS;
    wire [31:0] table_words = start_descriptor ? 2 : `F_N_TILES * TILE_WORDS;
    // Rows of the result: one run in all, or each panel's part of every row.
    wire one_run = `F_PANELS == 1;
    wire [31:0] row_words = {6'd0, f[32*18+6 +: 26]};
    wire [31:0] run = `F_PANEL_TILES / (64 / COLUMNS);
    wire [31:0] all_words = (`D_MN + 63) >> 6;
    wire [31:0] last_run = one_run ? all_words : `D_LAST_TILES / (64 / COLUMNS);
    wire [31:0] rows = one_run ? 1 : `F_M;
    davit_read_port #(.DEPTH(PORT_WORDS)) port_a (
        .clk(clk), .rst(rst), .start(start_a), .base(a_base), .outer(passes),
        .inner(32'd1), .run(`F_A_WORDS), .last_run(`F_A_WORDS), .inner_step(32'd0),
        .outer_step(32'd0), .idle(a_idle), .empty(a_empty), .pop(a_pop), .out(a_word),
        .arvalid(m_axi_gmem_a_arvalid), .arready(m_axi_gmem_a_arready),
        .araddr(m_axi_gmem_a_araddr), .arlen(m_axi_gmem_a_arlen),
        .rvalid(m_axi_gmem_a_rvalid), .rready(m_axi_gmem_a_rready),
        .rdata(m_axi_gmem_a_rdata));
    assign m_axi_gmem_a_arsize = 3'd6;
    assign m_axi_gmem_a_arburst = 2'b01;
    davit_read_port #(.DEPTH(PORT_WORDS)) port_b (
        .clk(clk), .rst(rst), .start(start_b), .base(b_base), .outer(32'd1),
        .inner(32'd1), .run(`D_ALL_STEPS * STEP_WORDS), .last_run(`D_ALL_STEPS * STEP_WORDS), .inner_step(32'd0),
        .outer_step(32'd0), .idle(b_idle), .empty(b_empty), .pop(b_pop), .out(b_word),
        .arvalid(m_axi_gmem_b_arvalid), .arready(m_axi_gmem_b_arready),
        .araddr(m_axi_gmem_b_araddr), .arlen(m_axi_gmem_b_arlen),
        .rvalid(m_axi_gmem_b_rvalid), .rready(m_axi_gmem_b_rready),
        .rdata(m_axi_gmem_b_rdata));
    assign m_axi_gmem_b_arsize = 3'd6;
    assign m_axi_gmem_b_arburst = 2'b01;
    davit_read_port #(.DEPTH(64)) port_p (
        .clk(clk), .rst(rst), .start(start_descriptor || start_table), .base(start_descriptor ? p_base : p_base + 58'd2), .outer(32'd1),
        .inner(32'd1), .run(table_words), .last_run(table_words), .inner_step(32'd0),
        .outer_step(32'd0), .idle(p_idle), .empty(p_empty), .pop(p_pop), .out(p_word),
        .arvalid(m_axi_gmem_p_arvalid), .arready(m_axi_gmem_p_arready),
        .araddr(m_axi_gmem_p_araddr), .arlen(m_axi_gmem_p_arlen),
        .rvalid(m_axi_gmem_p_rvalid), .rready(m_axi_gmem_p_rready),
        .rdata(m_axi_gmem_p_rdata));
    assign m_axi_gmem_p_arsize = 3'd6;
    assign m_axi_gmem_p_arburst = 2'b01;
    davit_read_port #(.DEPTH(PORT_WORDS)) port_r (
        .clk(clk), .rst(rst), .start(start_results), .base(r_base), .outer(`RESIDUAL ? `F_PANELS : 32'd0),
        .inner(rows), .run(run), .last_run(last_run), .inner_step(row_words),
        .outer_step(run), .idle(r_idle), .empty(r_empty), .pop(r_pop), .out(r_word),
        .arvalid(m_axi_gmem_r_arvalid), .arready(m_axi_gmem_r_arready),
        .araddr(m_axi_gmem_r_araddr), .arlen(m_axi_gmem_r_arlen),
        .rvalid(m_axi_gmem_r_rvalid), .rready(m_axi_gmem_r_rready),
        .rdata(m_axi_gmem_r_rdata));
    assign m_axi_gmem_r_arsize = 3'd6;
    assign m_axi_gmem_r_arburst = 2'b01;
    wire c_push, c_full;
    wire [511:0] c_word;
    davit_write_port #(.DEPTH(PORT_WORDS), .MARGIN(8)) port_c (
        .clk(clk), .rst(rst), .start(start_results || start_end),
        .base(ending ? e_base : c_base), .outer(ending ? 32'd1 : `F_PANELS),
        .inner(ending ? 32'd1 : rows), .run(run), .last_run(ending ? 32'd1 : last_run),
        .inner_step(row_words), .outer_step(run), .all_sent(c_sent), .idle(c_idle),
        .push(c_push || start_end), .in(start_end ? end_word : c_word), .full(c_full),
        .awvalid(m_axi_gmem_c_awvalid), .awready(m_axi_gmem_c_awready),
        .awaddr(m_axi_gmem_c_awaddr), .awlen(m_axi_gmem_c_awlen), .wvalid(m_axi_gmem_c_wvalid),
        .wready(m_axi_gmem_c_wready), .wdata(m_axi_gmem_c_wdata), .wlast(m_axi_gmem_c_wlast),
        .bvalid(m_axi_gmem_c_bvalid), .bready(m_axi_gmem_c_bready));
    assign m_axi_gmem_c_awsize = 3'd6;
    assign m_axi_gmem_c_awburst = 2'b01;
    assign m_axi_gmem_c_wstrb = {64{1'b1}};
    davit_end_word end_of_call (
        .clk(clk), .start(start_descriptor), .beat(m_axi_gmem_c_wvalid && m_axi_gmem_c_wready),
        .word(m_axi_gmem_c_wdata), .fold(fold), .refused(refused), .f(f), .out(end_word));

    // ---- processes, and the queues between them ----
    wire chunk_push, chunk_full, chunk_empty, chunk_pop;
    wire [511:0] chunk_in, chunk;
    davit_map #(.ROWS(ROWS), .MAP_WORDS(MAP_WORDS)) map (
        .clk(clk), .rst(rst), .start(go), .f(f), .d(d), .in_empty(a_empty), .in(a_word),
        .in_pop(a_pop), .out_full(chunk_full), .push(chunk_push), .out(chunk_in));
    davit_fifo #(.WIDTH(512), .DEPTH(16), .MARGIN(8)) chunks (
        .clk(clk), .rst(rst), .push(chunk_push), .in(chunk_in), .full(chunk_full),
        .empty(chunk_empty), .pop(chunk_pop), .out(chunk), .words());

    wire turned_push, turned_full, turned_empty, turned_pop;
    wire [64*ROWS-1:0] turned_in, turned;
    davit_turn #(.ROWS(ROWS)) turn (
        .clk(clk), .rst(rst), .start(go), .f(f), .in_empty(chunk_empty), .in(chunk),
        .in_pop(chunk_pop), .out_full(turned_full), .push(turned_push), .out(turned_in));
    davit_fifo #(.WIDTH(64*ROWS), .DEPTH(16)) turned_steps (
        .clk(clk), .rst(rst), .push(turned_push), .in(turned_in), .full(turned_full),
        .empty(turned_empty), .pop(turned_pop), .out(turned), .words());

    wire row_push, row_full, row_empty, take;
    wire [64*ROWS-1:0] row_in, row_step;
    davit_rows #(.ROWS(ROWS), .TILE_STEPS(TILE_STEPS)) row_buffer (
        .clk(clk), .rst(rst), .start(go), .f(f), .d(d), .in_empty(turned_empty), .in(turned),
        .in_pop(turned_pop), .out_full(row_full), .push(row_push), .out(row_in));
    davit_fifo #(.WIDTH(64*ROWS), .DEPTH(16), .MARGIN(4)) row_steps (
        .clk(clk), .rst(rst), .push(row_push), .in(row_in), .full(row_full), .empty(row_empty),
        .pop(take), .out(row_step), .words());

    wire column_push, column_full, column_empty;
    wire [64*COLUMNS-1:0] column_in, column_step;
    davit_weights #(.COLUMNS(COLUMNS), .PANEL_STEPS(PANEL_STEPS)) weights (
        .clk(clk), .rst(rst), .start(go), .f(f), .d(d), .in_empty(b_empty), .in(b_word),
        .in_pop(b_pop), .out_full(column_full), .push(column_push), .out(column_in));
    davit_fifo #(.WIDTH(64*COLUMNS), .DEPTH(16), .MARGIN(4)) column_steps (
        .clk(clk), .rst(rst), .push(column_push), .in(column_in), .full(column_full),
        .empty(column_empty), .pop(take), .out(column_step), .words());

    wire sums_push, sums_empty, sums_pop;
    wire [30*COLUMNS-1:0] sums_in, sums_out;
    davit_mac #(.ROWS(ROWS), .COLUMNS(COLUMNS), .SUMS_DEPTH(32)) mac (
        .clk(clk), .rst(rst), .start(go), .f(f), .d(d), .a_empty(row_empty), .a(row_step),
        .b_empty(column_empty), .b(column_step), .take(take), .sum_popped(sums_pop),
        .push(sums_push), .out(sums_in));
    davit_fifo #(.WIDTH(30*COLUMNS), .DEPTH(32)) sums (
        .clk(clk), .rst(rst), .push(sums_push), .in(sums_in), .full(), .empty(sums_empty),
        .pop(sums_pop), .out(sums_out), .words());

    wire residual_push, residual_full, residual_empty, residual_pop;
    wire [8*COLUMNS-1:0] residual_in, residual_out;
    davit_residual #(.ROWS(ROWS), .COLUMNS(COLUMNS), .PANEL_TILES(PANEL_TILES)) residual (
        .clk(clk), .rst(rst), .start(go), .f(f), .d(d), .in_empty(r_empty), .in(r_word),
        .in_pop(r_pop), .out_full(residual_full), .push(residual_push), .out(residual_in));
    davit_fifo #(.WIDTH(8*COLUMNS), .DEPTH(16), .MARGIN(4)) residuals (
        .clk(clk), .rst(rst), .push(residual_push), .in(residual_in), .full(residual_full),
        .empty(residual_empty), .pop(residual_pop), .out(residual_out), .words());

    wire bytes_push, bytes_full, bytes_empty, bytes_pop;
    wire [8*COLUMNS-1:0] bytes_in, bytes_out;
    davit_requantise #(.ROWS(ROWS), .COLUMNS(COLUMNS), .TABLE_TILES(TABLE_TILES)) requantise (
        .clk(clk), .rst(rst), .start(go), .f(f), .d(d),
        .p_empty(p_empty), .p(p_word), .p_pop(table_pop), .sums_empty(sums_empty),
        .sums(sums_out), .sums_pop(sums_pop), .residual_empty(residual_empty),
        .residual(residual_out), .residual_pop(residual_pop), .out_full(bytes_full),
        .push(bytes_push), .out(bytes_in));
    davit_fifo #(.WIDTH(8*COLUMNS), .DEPTH(64), .MARGIN(32)) bytes (
        .clk(clk), .rst(rst), .push(bytes_push), .in(bytes_in), .full(bytes_full),
        .empty(bytes_empty), .pop(bytes_pop), .out(bytes_out), .words());

    davit_result #(.ROWS(ROWS), .COLUMNS(COLUMNS), .PANEL_TILES(PANEL_TILES)) result (
        .clk(clk), .rst(rst), .start(go), .f(f), .d(d), .in_empty(bytes_empty), .in(bytes_out),
        .in_pop(bytes_pop), .out_full(c_full), .push(c_push), .out(c_word));
endmodule

`default_nettype wire
