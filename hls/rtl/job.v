// A call from start to finish: reads the descriptor, multiplies what the counters need (one
// multiplier, a product in a cycle), starts the ports and the processes, waits for the last word, has
// the end word made and written.
`default_nettype none
`include "fields.vh"

module davit_job #(
    parameter ROWS = 7,
    parameter COLUMNS = 32
) (
    input wire clk,
    input wire rst,
    input wire start,
    output wire ready,
    output wire finished,
    output wire idle,
    output reg [1023:0] f,
    output reg [32*`PRODUCTS-1:0] d,
    input wire p_empty,
    input wire [511:0] p,
    output wire p_pop,
    output wire start_descriptor,
    output wire start_table,
    output wire start_a,
    output wire start_b,
    output wire start_results, // result and residual
    output wire go,            // the processes begin
    input wire all_read,       // by the ports
    input wire all_sent,       // words of the result, but perhaps not acknowledged
    input wire all_written,    // and acknowledged
    output wire fold,          // for the end word: add up
    output wire start_end,     // write it
    output wire ending,        // the result's port is the end word's
    output reg refused
);
    localparam [31:0] GEOMETRY = ROWS | COLUMNS << 8 | 8 << 16;
    localparam IDLE = 3'd0, READ = 3'd1, CHECK = 3'd2, MULTIPLY = 3'd3, RUN = 3'd4,
               FOLD = 3'd5, ENDING = 3'd6, DONE = 3'd7;
    reg [2:0] state;
    reg second;
    reg [3:0] number; // of the product
    wire valid = `F_MAGIC == `MAGIC && `F_GEOMETRY == GEOMETRY;
    assign idle = state == IDLE;
    assign start_descriptor = idle && start;
    assign ready = state == DONE;
    assign finished = state == DONE;
    assign p_pop = state == READ && !p_empty;
    assign start_table = state == CHECK && valid;
    assign start_a = state == CHECK && valid;
    assign start_b = state == MULTIPLY && number == 4'd3;
    assign start_results = state == MULTIPLY && number == 4'd14;
    assign go = state == MULTIPLY && number == 4'd15;
    assign fold = state == FOLD && number != 4'd15;
    assign start_end = state == FOLD && number == 4'd15;
    assign ending = state == FOLD || state == ENDING;

    reg [31:0] x, y;
    always @* begin
        x = `F_N_TILES;
        y = `F_K_STEPS;
        case (number)
            4'd1: begin x = `F_STRIDE_Y; y = `F_ROW_BYTES; end
            4'd2: begin x = `F_PANELS - 1; y = `F_PANEL_TILES; end
            4'd3: begin x = `F_PAD_TOP; y = `F_ROW_BYTES; end
            4'd4: begin x = `F_OUT_H; y = `F_STRIDE_Y; end
            4'd5: begin x = `F_OUT_W; y = `F_STRIDE_X; end
            4'd6: begin x = `F_IN_H; y = `F_ROW_BYTES; end
            4'd7: begin x = `F_SEGMENT_STEP_Y; y = `F_ROW_BYTES; end
            4'd8: begin x = `F_M; y = `F_N; end
            4'd9: begin x = `F_PANEL_TILES; y = `F_K_STEPS; end
            4'd10: begin x = `F_OUT_H; y = `D_CARRY_LINE; end
            4'd11: begin x = `D_LAST_TILES; y = `F_K_STEPS; end
            default: begin end
        endcase
    end
    reg [31:0] x1, y1, product2;
    reg [3:0] number1, number2;
    integer i;
    always @(posedge clk) begin
        x1 <= x;
        y1 <= y;
        number1 <= number;
        product2 <= x1 * y1;
        number2 <= number1;
        if (state == MULTIPLY) begin
            for (i = 0; i < 12; i = i + 1) begin
                if (number2 == i) begin
                    d[32*i +: 32] <= product2;
                end
            end
            `D_LAST_TILES <= `F_N_TILES - `D_FULL_TILES;
        end
        if (rst) begin
            state <= IDLE;
        end else begin
            case (state)
                IDLE: begin
                    second <= 0;
                    if (start) begin
                        state <= READ;
                    end
                end
                READ: if (p_pop) begin
                    f <= {p, f[1023:512]};
                    second <= 1;
                    if (second) begin
                        state <= CHECK;
                    end
                end
                CHECK: begin
                    number <= 0;
                    state <= valid ? MULTIPLY : FOLD;
                    refused <= !valid;
                end
                MULTIPLY: begin
                    number <= number + 1;
                    if (number == 4'd15) begin
                        state <= RUN;
                        number <= 0;
                    end
                end
                RUN: if (all_read && all_sent) begin
                    state <= FOLD;
                end
                FOLD: begin
                    number <= number + 1;
                    if (start_end) begin
                        state <= ENDING;
                    end
                end
                ENDING: if (all_written) begin
                    state <= DONE;
                end
                default: state <= IDLE;
            endcase
        end
    end
endmodule

`default_nettype wire
