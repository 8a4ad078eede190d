// The order of rows in place of tiles: for the result, and backwards for the residual. Two halves of
// ROWS x PANEL_TILES chunks; one is filled while the other is emptied.
`default_nettype none
`include "fields.vh"

// Walks the chunks of all m tiles, with rows innermost (as tiles leave the array) or column tiles
// innermost (as rows lie in memory).
module davit_walk #(
    parameter ROWS = 7,
    parameter ROWS_INNERMOST = 1
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [1023:0] f,
    input wire [32*`PRODUCTS-1:0] d,
    input wire step,
    output reg half,
    output reg [$clog2(ROWS)-1:0] row,
    output reg [31:0] column_tile,
    output wire last_channels, // the chunk has the last channels
    output wire tile_ends,
    output reg walking
);
    reg [31:0] tile, panel, rows_left;
    wire last_panel = panel + 1 == `F_PANELS;
    wire [31:0] tiles = last_panel ? `D_LAST_TILES : `F_PANEL_TILES;
    wire [31:0] rows_here = rows_left < ROWS ? rows_left : ROWS;
    wire last_row = row + 1 == rows_here;
    wire last_column = column_tile + 1 == tiles;
    wire last_tile = tile + 1 == `F_M_TILES;
    wire row_steps = ROWS_INNERMOST ? 1'b1 : last_column;
    wire column_steps = ROWS_INNERMOST ? last_row : 1'b1;
    assign tile_ends = last_row && last_column;
    assign last_channels = last_panel && last_column;
    always @(posedge clk) begin
        if (rst || start) begin
            walking <= start && !rst;
            half <= 0;
            row <= 0;
            column_tile <= 0;
            tile <= 0;
            panel <= 0;
            rows_left <= `F_M;
        end else if (step) begin
            if (row_steps) begin
                row <= last_row ? 0 : row + 1;
            end
            if (column_steps) begin
                column_tile <= last_column ? 0 : column_tile + 1;
            end
            if (tile_ends) begin
                half <= !half;
                tile <= last_tile ? 0 : tile + 1;
                rows_left <= last_tile ? `F_M : rows_left - ROWS;
                if (last_tile) begin
                    panel <= panel + 1;
                    walking <= !last_panel;
                end
            end
        end
    end
endmodule

// Tiles to rows, and chunks to words.
module davit_result #(
    parameter ROWS = 7,
    parameter COLUMNS = 32,
    parameter PANEL_TILES = 64
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [1023:0] f,
    input wire [32*`PRODUCTS-1:0] d,
    input wire in_empty,
    input wire [8*COLUMNS-1:0] in,
    output wire in_pop,
    input wire out_full, // of a queue with a margin of 8
    output reg push,
    output reg [511:0] out
);
    localparam ROW = $clog2(ROWS);
    localparam TILE = $clog2(PANEL_TILES);
    localparam CHUNK = $clog2(COLUMNS);
    (* ram_style = "block" *) reg [8*COLUMNS-1:0] buffer[0:(2<<ROW)*PANEL_TILES-1];
    reg [8*COLUMNS-1:0] read, masked;
    wire to_half, from_half, to_ends, from_ends, to_walking, from_walking, last_channels;
    wire [ROW-1:0] to_row, from_row;
    wire [31:0] to_tile, from_tile;
    reg [1:0] filled;
    reg [6:0] position; // bytes of the pending word
    reg flush;
    wire go = from_walking && filled != 0 && !out_full;
    wire flushes = flush && !from_walking && !out_full;
    wire [CHUNK-1:0] last_byte = f[32*18 +: CHUNK] - 1; // of a row of the result, in its chunk
    wire [6:0] bytes = last_channels ? {{7 - CHUNK{1'b0}}, last_byte} + 7'd1 : COLUMNS;
    wire [6:0] end_byte = position + bytes;
    assign in_pop = to_walking && !in_empty && filled != 2;

    davit_walk #(.ROWS(ROWS), .ROWS_INNERMOST(1)) to (
        .clk(clk), .rst(rst), .start(start), .f(f), .d(d), .step(in_pop), .half(to_half),
        .row(to_row), .column_tile(to_tile), .last_channels(), .tile_ends(to_ends),
        .walking(to_walking));
    davit_walk #(.ROWS(ROWS), .ROWS_INNERMOST(0)) from (
        .clk(clk), .rst(rst), .start(start), .f(f), .d(d), .step(go), .half(from_half),
        .row(from_row), .column_tile(from_tile), .last_channels(last_channels),
        .tile_ends(from_ends), .walking(from_walking));

    reg v1, v2, v3, emit1, emit2, emit3;
    reg [6:0] bytes1;
    reg [5:0] position1, position2;
    reg [1023:0] shifted;
    reg [511:0] pending;
    wire [1023:0] both = shifted | {512'd0, pending};
    integer i;
    always @(posedge clk) begin
        if (in_pop) begin
            buffer[{to_half, to_row, to_tile[TILE-1:0]}] <= in;
        end
        if (go) begin
            read <= buffer[{from_half, from_row, from_tile[TILE-1:0]}];
        end
        bytes1 <= flushes ? 7'd0 : bytes;
        position1 <= position[5:0];
        emit1 <= flushes || end_byte[6];
        for (i = 0; i < COLUMNS; i = i + 1) begin
            masked[8*i +: 8] <= i < bytes1 ? read[8*i +: 8] : 8'd0;
        end
        position2 <= position1;
        emit2 <= emit1;
        shifted <= v2 ? {{1024 - 8*COLUMNS{1'b0}}, masked} << {position2, 3'd0} : 1024'd0;
        emit3 <= emit2;
        if (v3) begin
            pending <= emit3 ? both[1023:512] : both[511:0];
        end
        out <= both[511:0];
        if (rst || start) begin
            filled <= 0;
            position <= 0;
            flush <= 0;
            pending <= 0;
            v1 <= 0;
            v2 <= 0;
            v3 <= 0;
            push <= 0;
        end else begin
            filled <= filled + {1'b0, in_pop && to_ends} - {1'b0, go && from_ends};
            v1 <= go || flushes;
            v2 <= v1;
            v3 <= v2;
            push <= v3 && emit3;
            if (go) begin
                position <= {1'b0, end_byte[5:0]};
                flush <= end_byte[5:0] != 0;
            end else if (flushes) begin
                flush <= 0;
            end
        end
    end
endmodule

// Words to chunks, and rows to tiles. Nothing without a residual.
module davit_residual #(
    parameter ROWS = 7,
    parameter COLUMNS = 32,
    parameter PANEL_TILES = 64
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
    output reg [8*COLUMNS-1:0] out
);
    localparam ROW = $clog2(ROWS);
    localparam TILE = $clog2(PANEL_TILES);
    localparam CHUNK = $clog2(COLUMNS);
    (* ram_style = "block" *) reg [8*COLUMNS-1:0] buffer[0:(2<<ROW)*PANEL_TILES-1];
    reg [8*COLUMNS-1:0] read;
    reg reading;
    wire to_half, from_half, to_ends, from_ends, to_walking, from_walking, last_channels;
    wire [ROW-1:0] to_row, from_row;
    wire [31:0] to_tile, from_tile;
    reg [1:0] claimed, filled; // tiles that are on the way to the buffer or there; that are there
    reg [6:0] position;        // of the next byte in held
    reg [511:0] held;
    wire [CHUNK-1:0] last_byte = f[32*18 +: CHUNK] - 1;
    wire [6:0] bytes = last_channels ? {{7 - CHUNK{1'b0}}, last_byte} + 7'd1 : COLUMNS;
    wire [7:0] end_byte = {1'b0, position} + {1'b0, bytes};
    wire needs_word = end_byte > 8'd64;
    wire step = to_walking && `RESIDUAL && claimed != 2 && (!needs_word || !in_empty);
    assign in_pop = step && needs_word;
    wire go = from_walking && filled != 0 && !out_full;

    davit_walk #(.ROWS(ROWS), .ROWS_INNERMOST(0)) to (
        .clk(clk), .rst(rst), .start(start), .f(f), .d(d), .step(step), .half(to_half),
        .row(to_row), .column_tile(to_tile), .last_channels(last_channels), .tile_ends(to_ends),
        .walking(to_walking));
    davit_walk #(.ROWS(ROWS), .ROWS_INNERMOST(1)) from (
        .clk(clk), .rst(rst), .start(start), .f(f), .d(d), .step(go), .half(from_half),
        .row(from_row), .column_tile(from_tile), .last_channels(), .tile_ends(from_ends),
        .walking(from_walking));

    reg v1, v2, ends1, ends2;
    reg [1023:0] both1;
    reg [6:0] position1;
    reg [8*COLUMNS-1:0] chunk2;
    reg [ROW+TILE:0] at1, at2;
    wire [1023:0] taken = both1 >> {position1, 3'd0};
    always @(posedge clk) begin
        both1 <= {in, held};
        position1 <= position;
        at1 <= {to_half, to_row, to_tile[TILE-1:0]};
        ends1 <= to_ends;
        chunk2 <= taken[8*COLUMNS-1:0];
        at2 <= at1;
        ends2 <= ends1;
        if (v2) begin
            buffer[at2] <= chunk2;
        end
        if (go) begin
            read <= buffer[{from_half, from_row, from_tile[TILE-1:0]}];
        end
        out <= read;
        if (in_pop) begin
            held <= in;
        end
        if (rst || start) begin
            claimed <= 0;
            filled <= 0;
            position <= 7'd64;
            v1 <= 0;
            v2 <= 0;
            reading <= 0;
            push <= 0;
        end else begin
            v1 <= step;
            v2 <= v1;
            claimed <= claimed + {1'b0, step && to_ends} - {1'b0, go && from_ends};
            filled <= filled + {1'b0, v2 && ends2} - {1'b0, go && from_ends};
            if (step) begin
                position <= needs_word ? end_byte[6:0] - 7'd64 : end_byte[6:0];
            end
            reading <= go;
            push <= reading;
        end
    end
endmodule

`default_nettype wire
