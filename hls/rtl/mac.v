// The array: ROWS x COLUMNS sums of 8 products in a cycle, two products in a DSP slice.
`default_nettype none
`include "fields.vh"

// sum = above + a * b, with registers behind operands, product and sum: one DSP48E2. yosys does not
// find this slice for itself, so that area instantiates it.
module davit_slice #(
    parameter FIRST = 0 // nothing is above
) (
    input wire clk,
    input wire [26:0] a,
    input wire [7:0] b,
    input wire [47:0] above,
    output wire [47:0] sum,
    output wire [47:0] below // the same, to the next slice
);
`ifdef YOSYS
    DSP48E2 #(
        .AREG(1), .ACASCREG(1), .BREG(1), .BCASCREG(1), .MREG(1), .PREG(1), .OPMODEREG(0),
        .ALUMODEREG(0), .INMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0)
    ) dsp (
        .CLK(clk), .A({{3{a[26]}}, a}), .B({{10{b[7]}}, b}), .PCIN(above), .P(sum), .PCOUT(below),
        .OPMODE(FIRST ? 9'b000000101 : 9'b000010101), .ALUMODE(4'd0), .INMODE(5'd0),
        .CARRYINSEL(3'd0), .CARRYIN(1'b0), .CEA2(1'b1), .CEB2(1'b1), .CEM(1'b1), .CEP(1'b1));
`else
    reg signed [26:0] a1;
    reg signed [7:0] b1;
    reg signed [34:0] product;
    reg signed [47:0] total;
    assign sum = total;
    assign below = total;
    always @(posedge clk) begin
        a1 <= a;
        b1 <= b;
        product <= a1 * b1;
        total <= $signed(above) + product;
    end
`endif
endmodule

// A cascade of four slices: p = sum of x[i] * w[i], where w[i] is (second << 18) + first. Inputs of
// slice i come i cycles late; p is there 6 cycles behind those of slice 0.
module davit_cascade (
    input wire clk,
    input wire [31:0] x,
    input wire [107:0] w,
    output wire signed [47:0] p
);
    genvar i;
    generate
        for (i = 0; i < 4; i = i + 1) begin : slice
            wire [47:0] above, sum, below;
            davit_slice #(.FIRST(i == 0)) dsp (
                .clk(clk), .a(w[27*i +: 27]), .b(x[8*i +: 8]), .above(above), .sum(sum),
                .below(below));
        end
        assign slice[0].above = 48'd0;
        for (i = 1; i < 4; i = i + 1) begin : chain
            assign slice[i].above = slice[i-1].below;
        end
    endgenerate
    assign p = $signed(slice[3].sum);
endmodule

// One row of the array for two columns: two cascades, the carry correction, two sums.
module davit_pair (
    input wire clk,
    input wire first,
    input wire [63:0] x,
    input wire [215:0] w,
    output reg signed [29:0] even,
    output reg signed [29:0] odd
);
    wire signed [47:0] p0, p1;
    davit_cascade low (.clk(clk), .x(x[31:0]), .w(w[107:0]), .p(p0));
    davit_cascade high (.clk(clk), .x(x[63:32]), .w(w[215:108]), .p(p1));
    // A negative low field borrowed one from the upper field.
    wire signed [17:0] low0 = p0[17:0];
    wire signed [17:0] low1 = p1[17:0];
    wire signed [18:0] high0 = $signed(p0[36:18]) + $signed({18'd0, p0[17]});
    wire signed [18:0] high1 = $signed(p1[36:18]) + $signed({18'd0, p1[17]});
    reg signed [19:0] even_step, odd_step;
    always @(posedge clk) begin
        even_step <= low0 + low1;
        odd_step <= high0 + high1;
        even <= (first ? 30'sd0 : even) + even_step;
        odd <= (first ? 30'sd0 : odd) + odd_step;
    end
endmodule

module davit_mac #(
    parameter ROWS = 7,
    parameter COLUMNS = 32,
    parameter SUMS_DEPTH = 32 // of the queue behind: at least 3 * ROWS
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [1023:0] f,
    input wire [32*`PRODUCTS-1:0] d,
    input wire a_empty,
    input wire [64*ROWS-1:0] a,
    input wire b_empty,
    input wire [64*COLUMNS-1:0] b,
    output wire take,
    input wire sum_popped,
    output wire push,
    output wire [30*COLUMNS-1:0] out
);
    localparam PAIRS = COLUMNS / 2;
    localparam LATENCY = 9; // from take to the cycle in which a step is added
    localparam ROW = $clog2(ROWS + 1);
    localparam COUNT = $clog2(SUMS_DEPTH) + 1;

    // ---- which step: a tile takes at least ROWS cycles, as its rows leave one a cycle ----
    reg [31:0] step, column_tile, tile, panel;
    reg [ROW-1:0] wait_cycles; // before the next tile may end
    reg [COUNT-1:0] promised;  // rows on the way to the queue behind, or in it
    wire last_step = step + 1 == `F_K_STEPS;
    wire [31:0] tiles = panel + 1 == `F_PANELS ? `D_LAST_TILES : `F_PANEL_TILES;
    wire last_column = column_tile + 1 == tiles;
    wire last_tile = tile + 1 == `F_M_TILES;
    reg [31:0] rows_left; // of the panel
    wire [ROW-1:0] rows_here = rows_left < ROWS ? rows_left[ROW-1:0] : ROWS;
    wire may_end = wait_cycles == 0 && {1'b0, promised} + {{COUNT - ROW + 1{1'b0}}, rows_here} <= SUMS_DEPTH;
    assign take = !a_empty && !b_empty && (!last_step || may_end);
    wire ends = take && last_step;

    reg [LATENCY:0] first, last;
    reg [ROW*(LATENCY+1)-1:0] rows;
    always @(posedge clk) begin
        first <= {first[LATENCY-1:0], step == 0};
        last <= {last[LATENCY-1:0], ends};
        rows <= {rows[ROW*LATENCY-1:0], rows_here};
        if (rst || start) begin
            step <= 0;
            column_tile <= 0;
            tile <= 0;
            panel <= 0;
            rows_left <= `F_M;
            wait_cycles <= 0;
            promised <= 0;
            last <= 0;
        end else begin
            wait_cycles <= ends ? ROWS - 1 : wait_cycles - {{ROW - 1{1'b0}}, wait_cycles != 0};
            promised <= promised + (ends ? {{COUNT - ROW{1'b0}}, rows_here} : 0) -
                        {{COUNT - 1{1'b0}}, sum_popped};
            if (take) begin
                step <= last_step ? 0 : step + 1;
            end
            if (ends) begin
                column_tile <= last_column ? 0 : column_tile + 1;
                if (last_column) begin
                    tile <= last_tile ? 0 : tile + 1;
                    panel <= panel + {31'd0, last_tile};
                    rows_left <= last_tile ? `F_M : rows_left - ROWS;
                end
            end
        end
    end

    // ---- operands: registered, packed, and late by their place in the cascade ----
    reg [64*ROWS-1:0] a1, a2;
    reg [64*COLUMNS-1:0] b1;
    reg [216*PAIRS-1:0] w2;
    always @(posedge clk) begin
        // A cycle without a step adds nothing.
        a1 <= take ? a : 0;
        a2 <= a1;
        b1 <= b;
    end

    genvar p, r, i;
    generate
        for (p = 0; p < PAIRS; p = p + 1) begin : packing
            for (i = 0; i < 8; i = i + 1) begin : step8
                wire signed [7:0] w0 = b1[128*p + 8*i +: 8];
                wire signed [7:0] w1 = b1[128*p + 64 + 8*i +: 8];
                wire signed [26:0] packed_pair = {w1[7], w1, 18'd0} + {{19{w0[7]}}, w0};
                always @(posedge clk) begin
                    w2[216*p + 27*i +: 27] <= packed_pair;
                end
            end
        end
    endgenerate

    wire [216*PAIRS-1:0] w_late;
    wire [64*ROWS-1:0] a_late;
    generate
        for (p = 0; p < PAIRS; p = p + 1) begin : late_pair
            for (i = 0; i < 8; i = i + 1) begin : at
                davit_delay #(.WIDTH(27), .CYCLES(i % 4)) delay (
                    .clk(clk), .in(w2[216*p + 27*i +: 27]), .out(w_late[216*p + 27*i +: 27]));
            end
        end
        for (r = 0; r < ROWS; r = r + 1) begin : late_row
            for (i = 0; i < 8; i = i + 1) begin : at
                davit_delay #(.WIDTH(8), .CYCLES(i % 4)) delay (
                    .clk(clk), .in(a2[64*r + 8*i +: 8]), .out(a_late[64*r + 8*i +: 8]));
            end
        end
    endgenerate

    // ---- the array, and the rows that leave it ----
    wire [30*COLUMNS*ROWS-1:0] sums;
    generate
        for (r = 0; r < ROWS; r = r + 1) begin : array_row
            for (p = 0; p < PAIRS; p = p + 1) begin : array_pair
                davit_pair pair (
                    .clk(clk), .first(first[LATENCY-1]), .x(a_late[64*r +: 64]),
                    .w(w_late[216*p +: 216]),
                    .even(sums[30*(COLUMNS*r + 2*p) +: 30]),
                    .odd(sums[30*(COLUMNS*r + 2*p + 1) +: 30]));
            end
        end
    endgenerate

    reg [30*COLUMNS*ROWS-1:0] leaving;
    reg [ROW-1:0] leaving_rows, leaving_row;
    reg [30*COLUMNS-1:0] row_out;
    assign push = leaving_rows != 0;
    assign out = row_out;
    integer j;
    always @* begin
        row_out = leaving[30*COLUMNS-1:0];
        for (j = 1; j < ROWS; j = j + 1) begin
            if (leaving_row == j) begin
                row_out = leaving[30*COLUMNS*j +: 30*COLUMNS];
            end
        end
    end
    always @(posedge clk) begin
        if (last[LATENCY]) begin
            leaving <= sums;
            leaving_row <= 0;
        end else begin
            leaving_row <= leaving_row + {{ROW - 1{1'b0}}, push};
        end
        if (rst || start) begin
            leaving_rows <= 0;
        end else begin
            leaving_rows <= last[LATENCY] ? rows[ROW*LATENCY +: ROW]
                                          : leaving_rows - {{ROW - 1{1'b0}}, push};
        end
    end
endmodule

module davit_delay #(
    parameter WIDTH = 8,
    parameter CYCLES = 1
) (
    input wire clk,
    input wire [WIDTH-1:0] in,
    output wire [WIDTH-1:0] out
);
    genvar i;
    generate
        if (CYCLES == 0) begin : none
            assign out = in;
        end else begin : some
            reg [WIDTH*CYCLES-1:0] late;
            assign out = late[WIDTH*CYCLES-1 -: WIDTH];
            if (CYCLES == 1) begin : one
                always @(posedge clk) late <= in;
            end else begin : more
                always @(posedge clk) late <= {late[WIDTH*(CYCLES-1)-1:0], in};
            end
        end
    endgenerate
endmodule

`default_nettype wire
