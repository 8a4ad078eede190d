// From sums to bytes: the table of parameters per channel, and one lane of arithmetic per column.
`default_nettype none
`include "fields.vh"

// davit/requantize.h, operation by operation; 27 cycles.
module davit_lane (
    input wire clk,
    input wire signed [31:0] sum,
    input wire [31:0] correction,
    input wire [31:0] bias,
    input wire [31:0] scale,
    input wire signed [8:0] previous, // residual minus its zero point, or 0
    // of the call
    input wire [31:0] weight,
    input wire [31:0] low,
    input wire [31:0] high,
    input wire [31:0] zero,
    input wire is_u8,
    output wire [7:0] out
);
    reg signed [31:0] acc;
    wire [31:0] exact, biased, scaled, term, added, clamped, moved, limited;
    wire [31:0] bias_late, scale_late;
    wire [8:0] previous_late;
    always @(posedge clk) acc <= sum + $signed(correction);
    davit_int_to_float convert (.clk(clk), .in(acc), .out(exact));
    davit_delay #(.WIDTH(32), .CYCLES(4)) delay_bias (.clk(clk), .in(bias), .out(bias_late));
    davit_float_add add_bias (.clk(clk), .a(exact), .b(bias_late), .out(biased));
    davit_delay #(.WIDTH(32), .CYCLES(9)) delay_scale (.clk(clk), .in(scale), .out(scale_late));
    davit_float_multiply multiply (.clk(clk), .a(biased), .b(scale_late), .out(scaled));
    davit_delay #(.WIDTH(9), .CYCLES(10)) delay_previous (
        .clk(clk), .in(previous), .out(previous_late));
    davit_float_weigh weigh (.clk(clk), .in(previous_late), .weight(weight), .out(term));
    davit_float_add add_residual (.clk(clk), .a(scaled), .b(term), .out(added));
    davit_float_clamp clamp (.clk(clk), .in(added), .low(low), .high(high), .out(clamped));
    davit_float_add add_zero (.clk(clk), .a(clamped), .b(zero), .out(moved));
    davit_float_clamp limit (
        .clk(clk), .in(moved), .low(is_u8 ? 32'd0 : 32'hc3000000),
        .high(is_u8 ? 32'h437f0000 : 32'h42fe0000), .out(limited));
    davit_float_to_byte round (.clk(clk), .in(limited), .out(out));
endmodule

// One row of sums in a cycle.
module davit_requantise #(
    parameter ROWS = 7,
    parameter COLUMNS = 32,
    parameter TABLE_TILES = 512
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [1023:0] f,
    input wire [32*`PRODUCTS-1:0] d,
    input wire p_empty,
    input wire [511:0] p,
    output wire p_pop,
    input wire sums_empty,
    input wire [30*COLUMNS-1:0] sums,
    output wire sums_pop,
    input wire residual_empty,
    input wire [8*COLUMNS-1:0] residual,
    output wire residual_pop,
    input wire out_full, // of a queue with a margin of 32
    output wire push,
    output wire [8*COLUMNS-1:0] out
);
    localparam WORDS = COLUMNS * 12 / 64;
    localparam TILE = $clog2(TABLE_TILES);
    localparam LATENCY = 29;

    // ---- the table: corrections, biases and scales of a column tile in WORDS words ----
    reg active;
    reg [3:0] word;
    reg [31:0] loaded; // column tiles
    reg [TILE-1:0] index;
    wire last_word = word + 1 == WORDS;
    assign p_pop = active && !p_empty && loaded != `F_N_TILES;
    wire go;
    wire [512*WORDS-1:0] table_row;
    genvar w;
    generate
        for (w = 0; w < WORDS; w = w + 1) begin : banks
            (* ram_style = "block" *) reg [511:0] rows[0:TABLE_TILES-1];
            reg [511:0] read, read_out;
            assign table_row[512*w +: 512] = read_out;
            always @(posedge clk) begin
                if (p_pop && word == w) begin
                    rows[loaded[TILE-1:0]] <= p;
                end
                if (go) begin
                    read <= rows[index];
                end
                read_out <= read;
            end
        end
    endgenerate

    // ---- order: panel, m tile, column tile, row ----
    reg [31:0] row, column_tile, tile, panel, rows_left, first_tile;
    wire [31:0] tiles = panel + 1 == `F_PANELS ? `D_LAST_TILES : `F_PANEL_TILES;
    wire [31:0] rows_here = rows_left < ROWS ? rows_left : ROWS;
    wire last_row = row + 1 == rows_here;
    wire last_column = column_tile + 1 == tiles;
    wire last_tile = tile + 1 == `F_M_TILES;
    wire [31:0] number = first_tile + column_tile;
    assign go = !sums_empty && (!`RESIDUAL || !residual_empty) && number < loaded && !out_full;
    assign sums_pop = go;
    assign residual_pop = go && `RESIDUAL;
    always @* index = number[TILE-1:0];
    always @(posedge clk) begin
        if (rst || start) begin
            active <= start && !rst;
            word <= 0;
            loaded <= 0;
            row <= 0;
            column_tile <= 0;
            tile <= 0;
            panel <= 0;
            rows_left <= `F_M;
            first_tile <= 0;
        end else begin
            if (p_pop) begin
                word <= last_word ? 0 : word + 1;
                loaded <= loaded + {31'd0, last_word};
            end
            if (go) begin
                row <= last_row ? 0 : row + 1;
                if (last_row) begin
                    column_tile <= last_column ? 0 : column_tile + 1;
                end
                if (last_row && last_column) begin
                    tile <= last_tile ? 0 : tile + 1;
                    rows_left <= last_tile ? `F_M : rows_left - ROWS;
                    if (last_tile) begin
                        panel <= panel + 1;
                        first_tile <= first_tile + `F_PANEL_TILES;
                    end
                end
            end
        end
    end

    // ---- lanes ----
    reg [30*COLUMNS-1:0] sums1, sums2;
    reg [8*COLUMNS-1:0] residual1;
    reg [LATENCY-1:0] valid;
    assign push = valid[LATENCY-1];
    always @(posedge clk) begin
        sums1 <= sums;
        sums2 <= sums1;
        residual1 <= residual;
        valid <= rst || start ? 0 : {valid[LATENCY-2:0], go};
    end
    genvar c;
    generate
        for (c = 0; c < COLUMNS; c = c + 1) begin : lanes
            wire signed [29:0] sum = sums2[30*c +: 30];
            wire [7:0] q = residual1[8*c +: 8];
            reg signed [8:0] previous;
            always @(posedge clk) begin
                previous <= `RESIDUAL ? {!`RESIDUAL_U8 && q[7], q} - f[32*25 +: 9] : 9'd0;
            end
            davit_lane lane (
                .clk(clk), .sum({{2{sum[29]}}, sum}),
                .correction(table_row[32*c +: 32]),
                .bias(table_row[32*(COLUMNS+c) +: 32]),
                .scale(table_row[32*(2*COLUMNS+c) +: 32]),
                .previous(previous), .weight(`F_RESIDUAL_SCALE), .low(`F_LOW), .high(`F_HIGH),
                .zero(`F_ZERO), .is_u8(`C_U8), .out(out[8*c +: 8]));
        end
    endgenerate
endmodule

`default_nettype wire
