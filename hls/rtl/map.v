// The feature map buffer and the im2col gather: the input as words in, chunks of 64 bytes out, in
// the order panel, m tile, segment, chunk, row. Addresses are counters; see hls/README.md.
`default_nettype none
`include "fields.vh"

module davit_map #(
    parameter ROWS = 7, // at least 3
    parameter MAP_WORDS = 16384
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [1023:0] f,
    input wire [32*`PRODUCTS-1:0] d,
    input wire in_empty,
    input wire [511:0] in,
    output wire in_pop,
    input wire out_full, // of a queue with a margin of 8
    output reg push,
    output reg [511:0] out
);
    localparam SLOT = $clog2(MAP_WORDS);
    localparam ROW = $clog2(ROWS);
    localparam [ROW-1:0] LAST_ROW = ROWS - 1;

    // A pixel: digits (image, y, x), first byte of the image, first input row, address of that
    // row, first byte in it. One ROWS pixels later: addition in mixed radix, in two stages.
    reg [31:0] image[0:ROWS-1], y[0:ROWS-1], x[0:ROWS-1];
    reg signed [31:0] image_byte[0:ROWS-1], first_row[0:ROWS-1], line[0:ROWS-1], byte_at[0:ROWS-1];
    reg [31:0] image0[0:ROWS-1], y0[0:ROWS-1], x0[0:ROWS-1];
    reg signed [31:0] image_byte0[0:ROWS-1], first_row0[0:ROWS-1], line0[0:ROWS-1];
    reg signed [31:0] byte_at0[0:ROWS-1];

    // The step between tiles, found by counting ROWS pixels.
    reg [31:0] step_images, step_y, step_x;
    reg signed [31:0] step_image_bytes, step_row, step_line, step_byte;

    reg counting, gathering;
    reg count_phase;
    reg [ROW-1:0] row;

    // ---- the pixel that is advanced ----
    reg [31:0] p_image, p_y, p_x; // while counting
    reg signed [31:0] p_image_byte, p_first_row, p_line, p_byte;
    wire wide = `F_OUT_W > 1;
    wire [31:0] s_images = counting ? 0 : step_images;
    wire [31:0] s_y = counting ? {31'd0, !wide} : step_y;
    wire [31:0] s_x = counting ? {31'd0, wide} : step_x;
    wire signed [31:0] s_image_bytes = counting ? 0 : step_image_bytes;
    wire signed [31:0] s_row = counting ? (wide ? 0 : `F_STRIDE_Y) : step_row;
    wire signed [31:0] s_line = counting ? (wide ? 0 : `D_CARRY_LINE) : step_line;
    wire signed [31:0] s_byte = counting ? (wide ? `F_STRIDE_X : 0) : step_byte;

    wire [31:0] from_image = counting ? p_image : image[row];
    wire [31:0] from_y = counting ? p_y : y[row];
    wire [31:0] from_x = counting ? p_x : x[row];
    wire signed [31:0] from_image_byte = counting ? p_image_byte : image_byte[row];
    wire signed [31:0] from_first_row = counting ? p_first_row : first_row[row];
    wire signed [31:0] from_line = counting ? p_line : line[row];
    wire signed [31:0] from_byte = counting ? p_byte : byte_at[row];

    wire [31:0] x_sum = from_x + s_x;
    wire x_over = x_sum >= `F_OUT_W;
    reg a_over;
    reg [31:0] a_image, a_y, a_x;
    reg signed [31:0] a_image_byte, a_first_row, a_line, a_byte;
    wire [31:0] y_sum = a_y + s_y + {31'd0, a_over};
    wire y_over = y_sum >= `F_OUT_H;
    wire [31:0] b_image = a_image + s_images + {31'd0, y_over};
    wire [31:0] b_y = y_over ? y_sum - `F_OUT_H : y_sum;
    wire signed [31:0] image_change = s_image_bytes + (y_over ? `D_IMAGE_BYTES : 0);
    wire signed [31:0] b_image_byte = a_image_byte + image_change;
    wire signed [31:0] b_first_row = a_first_row + s_row + (a_over ? `F_STRIDE_Y : 0) -
                                     (y_over ? `D_WRAP_ROW : 0);
    wire signed [31:0] b_line = a_line + s_line + (a_over ? `D_CARRY_LINE : 0) -
                                (y_over ? `D_WRAP_LINE : 0) + image_change;

    // ---- where the gather is ----
    reg [31:0] panel, tile, segment_y, segment_x;
    reg signed [31:0] row_offset, line_offset, x_offset, chunk_byte;
    reg [31:0] pass; // word at which the panel's pass begins
    wire last_chunk = chunk_byte + 64 >= $signed(`F_SEGMENT_BYTES);
    wire last_x = segment_x + 1 == `F_SEGMENTS_X;
    wire last_y = segment_y + 1 == `F_SEGMENTS_Y;
    wire last_set = last_chunk && last_x && last_y;
    wire last_tile = tile + 1 == `F_M_TILES;
    wire last_panel = panel + 1 == `F_PANELS;
    wire row_ends = row == LAST_ROW;
    wire complete = last_set && row_ends;
    wire [31:0] next_pass = pass + (last_tile && !`RESIDENT ? `F_A_WORDS : 0);
    // Everything before the first byte that row 0 of the next tile needs.
    wire signed [31:0] needed = first_row[0] < 0 ? image_byte[0]
                                                 : line[0] + (byte_at[0] > 0 ? byte_at[0] : 0);

    // ---- chunks: stages 1 to 3 stop together, what is behind them flows ----
    reg v1, v2, v3;
    reg signed [31:0] x1, y1, line1, left1, address2, x2;
    reg in1, in2, outside3;
    reg signed [31:0] cut2;
    reg [6:0] first2, first3;
    reg signed [7:0] last3;
    reg [31:0] pass1, pass2, word3;
    reg [31:0] slot3;
    reg [5:0] shift3;
    reg free1, free2, free3; // the tile is complete: what may be overwritten now
    reg [31:0] release1, release2, release3;
    reg [31:0] written, released, to_read;
    wire there = outside3 || word3 < written;
    wire go = v3 && there && !out_full;
    wire advance = !v3 || go;

    // Bytes of a chunk inside the row end with the segment, the chunk or the row.
    wire signed [31:0] by_row = $signed(`F_ROW_BYTES) - 1 - x1;
    wire signed [31:0] by_segment = left1 < 64 ? left1 - 1 : 63;
    wire signed [31:0] last_inside = by_row < by_segment ? by_row : by_segment;
    wire signed [31:0] end_byte = address2 + cut2;
    wire signed [31:0] release_word = needed >>> 6;

    reg advance_a, advance_b; // stages of the advance of a pixel
    reg restart_a, restart_b;
    reg [ROW-1:0] row_a, row_b;
    wire signed [31:0] origin_row = -$signed(`F_PAD_TOP);
    wire signed [31:0] origin_line = -$signed(`D_PAD_LINE);
    wire signed [31:0] origin_byte = -$signed(`F_PAD_LEFT);

    always @(posedge clk) begin
        if (start) begin
            counting <= 1;
            count_phase <= 0;
            row <= 0;
            p_image <= 0;
            p_y <= 0;
            p_x <= 0;
            p_image_byte <= 0;
            p_first_row <= origin_row;
            p_line <= origin_line;
            p_byte <= origin_byte;
        end
        if (counting) begin
            count_phase <= !count_phase;
            if (!count_phase) begin
                image0[row] <= p_image;
                y0[row] <= p_y;
                x0[row] <= p_x;
                image_byte0[row] <= p_image_byte;
                first_row0[row] <= p_first_row;
                line0[row] <= p_line;
                byte_at0[row] <= p_byte;
                image[row] <= p_image;
                y[row] <= p_y;
                x[row] <= p_x;
                image_byte[row] <= p_image_byte;
                first_row[row] <= p_first_row;
                line[row] <= p_line;
                byte_at[row] <= p_byte;
            end else begin
                p_image <= b_image;
                p_y <= b_y;
                p_x <= a_x;
                p_image_byte <= b_image_byte;
                p_first_row <= b_first_row;
                p_line <= b_line;
                p_byte <= a_byte;
                row <= row_ends ? 0 : row + 1;
                if (row_ends) begin
                    counting <= 0;
                    gathering <= 1;
                    step_images <= b_image;
                    step_y <= b_y;
                    step_x <= a_x;
                    step_image_bytes <= b_image_byte;
                    step_row <= b_first_row - origin_row;
                    step_line <= b_line - b_image_byte - origin_line;
                    step_byte <= a_byte - origin_byte;
                end
            end
        end

        // The advance of a pixel behind the last chunk that reads it.
        if (counting || advance) begin
            a_over <= x_over;
            a_image <= from_image;
            a_y <= from_y;
            a_x <= x_over ? x_sum - `F_OUT_W : x_sum;
            a_byte <= from_byte + s_byte - (x_over ? `D_WRAP_BYTE : 0);
            a_image_byte <= from_image_byte;
            a_first_row <= from_first_row;
            a_line <= from_line;
            row_a <= row;
            restart_a <= last_tile;
            advance_a <= gathering && last_set;
        end
        if (advance && advance_a) begin
            image[row_a] <= restart_a ? image0[row_a] : b_image;
            y[row_a] <= restart_a ? y0[row_a] : b_y;
            x[row_a] <= restart_a ? x0[row_a] : a_x;
            image_byte[row_a] <= restart_a ? image_byte0[row_a] : b_image_byte;
            first_row[row_a] <= restart_a ? first_row0[row_a] : b_first_row;
            line[row_a] <= restart_a ? line0[row_a] : b_line;
            byte_at[row_a] <= restart_a ? byte_at0[row_a] : a_byte;
        end

        // The next chunk.
        if (gathering && advance) begin
            row <= row_ends ? 0 : row + 1;
            if (row_ends) begin
                chunk_byte <= last_chunk ? 0 : chunk_byte + 64;
                if (last_chunk) begin
                    segment_x <= last_x ? 0 : segment_x + 1;
                    x_offset <= last_x ? 0 : x_offset + $signed(`F_SEGMENT_STEP_X);
                end
                if (last_chunk && last_x) begin
                    segment_y <= last_y ? 0 : segment_y + 1;
                    row_offset <= last_y ? 0 : row_offset + $signed(`F_SEGMENT_STEP_Y);
                    line_offset <= last_y ? 0 : line_offset + $signed(`D_SEGMENT_LINE);
                end
                if (last_set) begin
                    tile <= last_tile ? 0 : tile + 1;
                    panel <= panel + {31'd0, last_tile};
                    pass <= next_pass;
                    gathering <= !(last_tile && last_panel);
                end
            end
        end

        if (advance) begin
            v1 <= gathering;
            x1 <= from_byte + x_offset + chunk_byte;
            y1 <= from_first_row + row_offset;
            line1 <= from_line + line_offset;
            left1 <= $signed(`F_SEGMENT_BYTES) - chunk_byte;
            in1 <= from_image < `F_IMAGES;
            pass1 <= pass;
            free1 <= gathering && complete;
            release1 <= next_pass + release_word;

            v2 <= v1;
            address2 <= line1 + x1;
            x2 <= x1;
            cut2 <= last_inside;
            first2 <= x1 >= 0 ? 7'd0 : x1 <= -64 ? 7'd64 : -x1[6:0];
            in2 <= in1 && y1 >= 0 && y1 < $signed(`F_IN_H);
            pass2 <= pass1;
            free2 <= free1;
            release2 <= release1;

            v3 <= v2;
            outside3 <= !in2 || cut2 < $signed({25'd0, first2});
            first3 <= first2;
            last3 <= cut2 < 0 ? -8'sd1 : {2'b00, cut2[5:0]};
            word3 <= pass2 + (end_byte >>> 6);
            slot3 <= pass2 + (address2 >>> 6);
            shift3 <= address2[5:0];
            free3 <= free2;
            release3 <= release2;
        end
        if (go && free3 && !`RESIDENT) begin
            released <= release3;
        end
        if (rst || start) begin
            gathering <= 0;
            v1 <= 0;
            v2 <= 0;
            v3 <= 0;
            advance_a <= 0;
            panel <= 0;
            tile <= 0;
            segment_y <= 0;
            segment_x <= 0;
            row_offset <= 0;
            line_offset <= 0;
            x_offset <= 0;
            chunk_byte <= 0;
            pass <= 0;
            released <= 0;
        end
        if (rst) begin
            counting <= 0;
        end
    end

    // ---- the ring: two banks, even and odd words ----
    (* ram_style = "ultra" *) reg [511:0] even[0:MAP_WORDS/2-1];
    (* ram_style = "ultra" *) reg [511:0] odd[0:MAP_WORDS/2-1];
    wire signed [31:0] taken = written - released;
    wire draining = !gathering && !counting && !v1 && !v2 && !v3;
    wire room = draining || taken < MAP_WORDS;
    wire [511:0] word = `A_U8 ? in ^ {64{8'h80}} : in;
    assign in_pop = !in_empty && room && active;
    reg active;
    always @(posedge clk) begin
        if (in_pop && !written[0]) begin
            even[written[SLOT-1:1]] <= word;
        end
        if (in_pop && written[0]) begin
            odd[written[SLOT-1:1]] <= word;
        end
        if (rst || start) begin
            written <= 0;
            active <= start && !rst;
        end else begin
            written <= written + {31'd0, in_pop};
        end
    end

    wire [SLOT-1:0] low = slot3[SLOT-1:0];
    wire [SLOT-1:0] high = low + 1;
    reg [511:0] even_read, odd_read, even_out, odd_out;
    reg v4, v5, v6, v7;
    reg odd4, odd5;
    reg [5:0] shift4, shift5;
    reg [2:0] shift6;
    reg [6:0] first4, first5, first6, first7;
    reg signed [7:0] last4, last5, last6, last7;
    reg [511+56:0] coarse;
    reg [511:0] fine;
    wire [1023:0] pair = odd5 ? {even_out, odd_out} : {odd_out, even_out};
    wire [1023:0] pair_shifted = pair >> {shift5[5:3], 6'd0};
    wire [511+56:0] coarse_shifted = coarse >> {shift6, 3'd0};
    integer i;
    always @(posedge clk) begin
        if (go) begin
            even_read <= even[low[0] ? high[SLOT-1:1] : low[SLOT-1:1]];
            odd_read <= odd[low[0] ? low[SLOT-1:1] : high[SLOT-1:1]];
        end
        odd4 <= low[0];
        shift4 <= shift3;
        first4 <= outside3 ? 7'd64 : first3;
        last4 <= last3;
        even_out <= even_read;
        odd_out <= odd_read;
        odd5 <= odd4;
        shift5 <= shift4;
        first5 <= first4;
        last5 <= last4;
        coarse <= pair_shifted[511+56:0];
        shift6 <= shift5[2:0];
        first6 <= first5;
        last6 <= last5;
        fine <= coarse_shifted[511:0];
        first7 <= first6;
        last7 <= last6;
        for (i = 0; i < 64; i = i + 1) begin
            out[8*i +: 8] <= i < first7 || i > last7 ? f[32*16 +: 8] : fine[8*i +: 8];
        end
        v4 <= go && !rst;
        v5 <= v4 && !rst;
        v6 <= v5 && !rst;
        v7 <= v6 && !rst;
        push <= v7 && !rst;
    end
endmodule

`default_nettype wire
