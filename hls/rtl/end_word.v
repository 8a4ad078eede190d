// The end word of a call (davit/engine_abi.h): counts the words of the result as they leave, and adds
// up each of their fields; when all have left, these sums are folded into one, a field in a cycle.
`default_nettype none
`include "fields.vh"

module davit_end_word (
    input wire clk,
    input wire start, // of a call
    input wire beat,  // a word leaves
    input wire [511:0] word,
    input wire fold,
    input wire refused,
    input wire [1023:0] f,
    output wire [511:0] out
);
    reg [511:0] sums;
    reg [31:0] words;
    reg beat1;
    reg [511:0] word1;
    wire [31:0] code = refused ? 32'd2 : 32'd1;
    assign out = {352'd0, sums[31:0], words, `F_TAG, code, `MAGIC};

    integer i;
    always @(posedge clk) begin
        beat1 <= beat;
        word1 <= word;
        if (start) begin
            sums <= 0;
            words <= 0;
        end else if (fold) begin
            sums <= {32'd0, sums[511:64], sums[31:0] + sums[63:32]};
        end else if (beat1) begin
            words <= words + 1;
            for (i = 0; i < 16; i = i + 1) begin
                sums[32*i +: 32] <= sums[32*i +: 32] + word1[32*i +: 32];
            end
        end
    end
endmodule

`default_nettype wire
