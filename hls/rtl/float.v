// IEEE binary32 arithmetic of the requantisation, round to nearest even, pipelined. What
// davit/requantize.h promises keeps it small: no operand and no result is infinite or a NaN, and
// denormal numbers may be taken for 0 without a change of the bytes.
`default_nettype none

// s32 to f32, 3 cycles.
module davit_int_to_float (
    input wire clk,
    input wire signed [31:0] in,
    output reg [31:0] out
);
    reg sign1, sign2;
    reg [31:0] size1, size2;
    reg [4:0] zeros2;
    reg [4:0] zeros;
    reg any2;
    integer i;
    always @* begin
        zeros = 5'd31;
        for (i = 0; i < 32; i = i + 1) begin
            if (size1[i]) begin
                zeros = 31 - i;
            end
        end
    end
    wire up = size2[7] && (size2[8] || size2[6:0] != 0);
    wire [30:0] rounded = {8'd158 - {3'd0, zeros2}, size2[30:8]} + {30'd0, up};
    always @(posedge clk) begin
        sign1 <= in[31];
        size1 <= in[31] ? -in : in;
        sign2 <= sign1;
        size2 <= size1 << zeros;
        zeros2 <= zeros;
        any2 <= size1 != 0;
        out <= any2 ? {sign2, rounded} : 32'd0;
    end
endmodule

// a + b, 5 cycles.
module davit_float_add (
    input wire clk,
    input wire [31:0] a,
    input wire [31:0] b,
    output reg [31:0] out
);
    // 1: the greater in magnitude first.
    wire swap = a[30:0] < b[30:0];
    reg [31:0] large1, small1;
    reg [7:0] distance1;
    wire [31:0] greater = swap ? b : a;
    wire [31:0] lesser = swap ? a : b;
    // 2: the smaller one, shifted; what falls off stays as one sticky bit.
    wire [26:0] small_bits = {small1[30:23] != 0, small1[22:0], 3'd0};
    wire [26:0] shifted = small_bits >> distance1[4:0];
    wire [26:0] falls_off = ~(27'h7ffffff << distance1[4:0]);
    wire far = distance1 > 8'd26;
    wire zero_small = small1[30:23] == 0;
    reg sign2, minus2;
    reg [7:0] exponent2;
    reg [26:0] large2, small2;
    // 3: the sum.
    reg sign3;
    reg [7:0] exponent3;
    reg [27:0] sum3;
    // 4: its first bit to the top.
    reg [4:0] zeros;
    integer i;
    always @* begin
        zeros = 5'd27;
        for (i = 0; i < 28; i = i + 1) begin
            if (sum3[i]) begin
                zeros = 27 - i;
            end
        end
    end
    reg sign4, any4;
    reg signed [9:0] exponent4;
    reg [27:0] sum4;
    // 5: rounded.
    wire up = sum4[3] && (sum4[4] || sum4[2:0] != 0);
    wire [30:0] rounded = {exponent4[7:0], sum4[26:4]} + {30'd0, up};
    always @(posedge clk) begin
        large1 <= greater;
        small1 <= lesser;
        distance1 <= greater[30:23] - lesser[30:23];

        sign2 <= large1[31];
        minus2 <= large1[31] ^ small1[31];
        exponent2 <= large1[30:23];
        large2 <= {large1[30:23] != 0, large1[30:23] != 0 ? large1[22:0] : 23'd0, 3'd0};
        small2 <= zero_small ? 27'd0 : far ? 27'd1 : {shifted[26:1], shifted[0] || (small_bits & falls_off) != 0};

        sign3 <= sign2;
        exponent3 <= exponent2;
        sum3 <= minus2 ? {1'b0, large2} - {1'b0, small2} : {1'b0, large2} + {1'b0, small2};

        sign4 <= sign3;
        any4 <= sum3 != 0;
        exponent4 <= $signed({2'b00, exponent3}) + 10'sd1 - $signed({5'd0, zeros});
        sum4 <= sum3 << zeros;

        out <= any4 && exponent4 > 0 ? {sign4, rounded} : 32'd0;
    end
endmodule

// a * b, 4 cycles. The product of two 24-bit numbers takes two DSP slices.
module davit_float_multiply (
    input wire clk,
    input wire [31:0] a,
    input wire [31:0] b,
    output reg [31:0] out
);
    reg sign1, sign2, sign3, zero1, zero2, zero3;
    reg [23:0] a1, b1;
    reg [47:0] product2, product3;
    reg signed [9:0] exponent1, exponent2, exponent3;
    wire high = product3[47];
    wire [22:0] kept = high ? product3[46:24] : product3[45:23];
    wire half = high ? product3[23] : product3[22];
    wire rest = (high && product3[22]) || product3[21:0] != 0;
    wire up = half && (kept[0] || rest);
    wire signed [9:0] exponent = exponent3 + (high ? 10'sd1 : 10'sd0);
    wire [30:0] rounded = {exponent[7:0], kept} + {30'd0, up};
    always @(posedge clk) begin
        sign1 <= a[31] ^ b[31];
        zero1 <= a[30:23] == 0 || b[30:23] == 0;
        exponent1 <= $signed({2'b00, a[30:23]}) + $signed({2'b00, b[30:23]}) - 10'sd127;
        a1 <= {1'b1, a[22:0]};
        b1 <= {1'b1, b[22:0]};
        sign2 <= sign1;
        zero2 <= zero1;
        exponent2 <= exponent1;
        product2 <= a1 * b1;
        sign3 <= sign2;
        zero3 <= zero2;
        exponent3 <= exponent2;
        product3 <= product2;
        out <= zero3 || exponent <= 0 ? 32'd0 : {sign3, rounded};
    end
endmodule

// f32(in) * weight, exact, 3 cycles: |in| is at most 255 and the weight has 16 significant bits.
module davit_float_weigh (
    input wire clk,
    input wire signed [8:0] in,
    input wire [31:0] weight,
    output reg [31:0] out
);
    reg sign1, sign2, zero1, zero2;
    reg [8:0] size1;
    reg [15:0] weight1;
    reg [24:0] product2;
    reg [4:0] zeros;
    integer i;
    always @* begin
        zeros = 5'd23;
        for (i = 0; i < 24; i = i + 1) begin
            if (product2[i]) begin
                zeros = 23 - i;
            end
        end
    end
    wire [23:0] bits = product2[23:0] << zeros;
    wire signed [9:0] exponent = $signed({2'b00, weight[30:23]}) + 10'sd8 - $signed({5'd0, zeros});
    always @(posedge clk) begin
        sign1 <= in[8] ^ weight[31];
        zero1 <= in == 0 || weight[30:23] == 0;
        size1 <= in[8] ? -in : in;
        weight1 <= {1'b1, weight[22:8]};
        sign2 <= sign1;
        zero2 <= zero1;
        product2 <= size1 * weight1;
        out <= zero2 || exponent <= 0 ? 32'd0 : {sign2, exponent[7:0], bits[22:0]};
    end
endmodule

// min(max(in, low), high), 1 cycle.
module davit_float_clamp (
    input wire clk,
    input wire [31:0] in,
    input wire [31:0] low,
    input wire [31:0] high,
    output reg [31:0] out
);
    // As integers that are ordered like the numbers.
    function [31:0] order(input [31:0] value);
        order = value[31] ? ~value : {1'b1, value[30:0]};
    endfunction
    wire [31:0] raised = order(in) > order(low) ? in : low;
    always @(posedge clk) begin
        out <= order(raised) < order(high) ? raised : high;
    end
endmodule

// The nearest integer of |in| <= 255, of two the even one; its low 8 bits. 2 cycles.
module davit_float_to_byte (
    input wire clk,
    input wire [31:0] in,
    output reg [7:0] out
);
    wire [7:0] distance = 8'd134 - in[30:23]; // 134: 128 to 255
    wire [32:0] shifted = {1'b1, in[22:0], 9'd0} >> distance[3:0];
    reg sign;
    reg [7:0] whole;
    reg half, rest;
    wire [7:0] size = whole + {7'd0, half && (whole[0] || rest)};
    always @(posedge clk) begin
        sign <= in[31];
        {whole, half} <= distance > 8'd8 ? 9'd0 : shifted[32:24];
        rest <= shifted[23:0] != 0;
        out <= sign ? -size : size;
    end
endmodule

`default_nettype wire
