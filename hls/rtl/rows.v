// From chunks of single rows to k-steps of the array: the corner turn, and the buffer that gives
// the rows of a tile to every column tile of the panel.
`default_nettype none
`include "fields.vh"

// Collects one chunk of every row while the k-steps of the set before leave.
module davit_turn #(
    parameter ROWS = 7
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [1023:0] f,
    input wire in_empty,
    input wire [511:0] in,
    output wire in_pop,
    input wire out_full,
    output wire push,
    output wire [64*ROWS-1:0] out
);
    localparam ROW = $clog2(ROWS + 1);
    reg [ROW-1:0] collected;
    reg [3:0] steps;  // k-steps that are left in now
    reg [2:0] index;  // of the first of them
    reg [31:0] left;  // bytes of the segment
    wire whole = left >= 64;
    wire [3:0] next_steps = whole ? 4'd8 : {1'b0, left[5:3]} + {3'd0, left[2:0] != 0};
    assign in_pop = !in_empty && collected != ROWS;
    assign push = steps != 0 && !out_full;
    wire full_set = collected == ROWS || (collected == ROWS - 1 && in_pop);
    wire swap = full_set && (steps == 0 || (steps == 1 && push));

    genvar r;
    generate
        for (r = 0; r < ROWS; r = r + 1) begin : rows
            reg [511:0] now, next;
            wire arrives = in_pop && collected == r;
            assign out[64*r +: 64] = now[{index, 6'd0} +: 64];
            always @(posedge clk) begin
                if (arrives) begin
                    next <= in;
                end
                if (swap) begin // the last chunk may come in this cycle
                    now <= r == ROWS - 1 && arrives ? in : next;
                end
            end
        end
    endgenerate

    always @(posedge clk) begin
        if (rst || start) begin
            collected <= 0;
            steps <= 0;
            left <= `F_SEGMENT_BYTES;
        end else begin
            collected <= swap ? 0 : collected + {{ROW - 1{1'b0}}, in_pop};
            steps <= swap ? next_steps : steps - {3'd0, push};
            index <= swap ? 3'd0 : index + {2'd0, push};
            if (swap) begin
                left <= left > 64 ? left - 64 : `F_SEGMENT_BYTES;
            end
        end
    end
endmodule

// Two tiles of rows: one is filled while the other is given out, once per column tile.
module davit_rows #(
    parameter ROWS = 7,
    parameter TILE_STEPS = 2048
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [1023:0] f,
    input wire [32*`PRODUCTS-1:0] d,
    input wire in_empty,
    input wire [64*ROWS-1:0] in,
    output wire in_pop,
    input wire out_full, // of a queue with a margin of 4
    output reg push,
    output reg [64*ROWS-1:0] out
);
    localparam STEP = $clog2(TILE_STEPS);
    (* ram_style = "ultra" *) reg [64*ROWS-1:0] half[0:2*TILE_STEPS-1];
    reg [64*ROWS-1:0] read;
    reg reading;
    reg write_half, read_half;
    reg [1:0] filled; // tiles that are complete
    reg [31:0] write_step, step, column_tile, tile, panel;
    wire there = filled != 0 || step < write_step;
    wire go = there && !out_full;
    wire write_ends = in_pop && write_step + 1 == `F_K_STEPS;
    wire step_ends = step + 1 == `F_K_STEPS;
    wire [31:0] tiles = panel + 1 == `F_PANELS ? `D_LAST_TILES : `F_PANEL_TILES;
    wire tile_ends = step_ends && column_tile + 1 == tiles;
    wire last_tile = tile + 1 == `F_M_TILES;
    assign in_pop = !in_empty && filled != 2;

    always @(posedge clk) begin
        if (in_pop) begin
            half[{write_half, write_step[STEP-1:0]}] <= in;
        end
        if (go) begin
            read <= half[{read_half, step[STEP-1:0]}];
        end
        out <= read;
        if (rst || start) begin
            reading <= 0;
            push <= 0;
            write_half <= 0;
            read_half <= 0;
            filled <= 0;
            write_step <= 0;
            step <= 0;
            column_tile <= 0;
            tile <= 0;
            panel <= 0;
        end else begin
            reading <= go;
            push <= reading;
            filled <= filled + {1'b0, write_ends} - {1'b0, go && tile_ends};
            if (in_pop) begin
                write_step <= write_ends ? 0 : write_step + 1;
                write_half <= write_half ^ write_ends;
            end
            if (go) begin
                step <= step_ends ? 0 : step + 1;
                if (step_ends) begin
                    column_tile <= tile_ends ? 0 : column_tile + 1;
                end
                if (tile_ends) begin
                    read_half <= !read_half;
                    tile <= last_tile ? 0 : tile + 1;
                    panel <= panel + {31'd0, last_tile};
                end
            end
        end
    end
endmodule

`default_nettype wire
