// The panel buffer of the weights: one panel is loaded while the other is given out, once per tile
// of pixels.
`default_nettype none
`include "fields.vh"

module davit_weights #(
    parameter COLUMNS = 32,
    parameter PANEL_STEPS = 2048
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [1023:0] f,
    input wire [32*`PRODUCTS-1:0] d,
    input wire in_empty,
    input wire [511:0] in,
    output wire in_pop,
    input wire out_full, // of a queue with a margin of 4
    output reg push,
    output wire [64*COLUMNS-1:0] out
);
    localparam STEP = $clog2(PANEL_STEPS);
    localparam WORDS = COLUMNS / 8; // of a k-step
    reg reading;
    reg write_half, read_half;
    reg [1:0] filled; // panels that are complete
    reg [3:0] write_word;
    reg [31:0] write_step, step, write_panel, tile, panel;
    wire there = filled != 0 || step < write_step;
    wire go = there && !out_full && panel != `F_PANELS;
    wire word_ends = in_pop && write_word + 1 == WORDS;
    wire [31:0] write_steps = write_panel + 1 == `F_PANELS ? `D_LAST_STEPS : `D_PANEL_STEPS;
    wire [31:0] steps = panel + 1 == `F_PANELS ? `D_LAST_STEPS : `D_PANEL_STEPS;
    wire write_ends = word_ends && write_step + 1 == write_steps;
    wire step_ends = step + 1 == steps;
    wire panel_ends = step_ends && tile + 1 == `F_M_TILES;
    reg active;
    assign in_pop = active && !in_empty && filled != 2;

    genvar w;
    generate
        for (w = 0; w < WORDS; w = w + 1) begin : banks
            (* ram_style = "ultra" *) reg [511:0] half[0:2*PANEL_STEPS-1];
            reg [511:0] read, read_out;
            assign out[512*w +: 512] = read_out;
            always @(posedge clk) begin
                if (in_pop && write_word == w) begin
                    half[{write_half, write_step[STEP-1:0]}] <= in;
                end
                if (go) begin
                    read <= half[{read_half, step[STEP-1:0]}];
                end
                read_out <= read;
            end
        end
    endgenerate

    always @(posedge clk) begin
        if (rst || start) begin
            active <= start && !rst;
            reading <= 0;
            push <= 0;
            write_half <= 0;
            read_half <= 0;
            filled <= 0;
            write_word <= 0;
            write_step <= 0;
            write_panel <= 0;
            step <= 0;
            tile <= 0;
            panel <= 0;
        end else begin
            reading <= go;
            push <= reading;
            filled <= filled + {1'b0, write_ends} - {1'b0, go && panel_ends};
            if (in_pop) begin
                write_word <= word_ends ? 0 : write_word + 1;
            end
            if (word_ends) begin
                write_step <= write_ends ? 0 : write_step + 1;
                write_half <= write_half ^ write_ends;
                write_panel <= write_panel + {31'd0, write_ends};
            end
            if (go) begin
                step <= step_ends ? 0 : step + 1;
                if (step_ends) begin
                    tile <= panel_ends ? 0 : tile + 1;
                end
                if (panel_ends) begin
                    read_half <= !read_half;
                    panel <= panel + 1;
                end
            end
        end
    end
endmodule

`default_nettype wire
