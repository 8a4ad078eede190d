// Queues of one producer and one consumer. The first word falls through: out is valid while not
// empty.
`default_nettype none

// Of distributed memory. full: fewer than MARGIN entries are free, so that a producer with a
// pipeline of MARGIN - 1 words behind its decision never overflows it.
module davit_fifo #(
    parameter WIDTH = 8,
    parameter DEPTH = 16, // a power of two
    parameter MARGIN = 1
) (
    input wire clk,
    input wire rst,
    input wire push,
    input wire [WIDTH-1:0] in,
    output wire full,
    output wire empty,
    input wire pop,
    output wire [WIDTH-1:0] out,
    output wire [$clog2(DEPTH):0] words
);
    localparam BITS = $clog2(DEPTH);
    (* ram_style = "distributed" *) reg [WIDTH-1:0] memory[0:DEPTH-1];
    reg [BITS-1:0] head, tail;
    reg [BITS:0] count;

    assign out = memory[head];
    assign empty = count == 0;
    assign full = count + MARGIN > DEPTH;
    assign words = count;

    always @(posedge clk) begin
        if (push) begin
            memory[tail] <= in;
        end
        if (rst) begin
            head <= 0;
            tail <= 0;
            count <= 0;
        end else begin
            head <= head + {{BITS - 1{1'b0}}, pop};
            tail <= tail + {{BITS - 1{1'b0}}, push};
            count <= count + {{BITS{1'b0}}, push} - {{BITS{1'b0}}, pop};
        end
    end
endmodule

// Of block memory, for the ports.
module davit_queue #(
    parameter WIDTH = 8,
    parameter DEPTH = 512, // a power of two
    parameter MARGIN = 1
) (
    input wire clk,
    input wire rst,
    input wire push,
    input wire [WIDTH-1:0] in,
    output wire full,
    output wire empty,
    input wire pop,
    output wire [WIDTH-1:0] out,
    output wire [$clog2(DEPTH):0] words
);
    localparam BITS = $clog2(DEPTH);
    (* ram_style = "block" *) reg [WIDTH-1:0] memory[0:DEPTH-1];
    reg [WIDTH-1:0] read;
    reg [BITS-1:0] head, tail;
    reg [BITS:0] stored, count; // in memory; in all
    reg reading;
    wire [2:0] ahead;
    wire fetch = stored != 0 && ahead + {2'b0, reading} < 3'd4;

    davit_fifo #(.WIDTH(WIDTH), .DEPTH(4)) front (
        .clk(clk), .rst(rst), .push(reading), .in(read), .full(), .empty(empty), .pop(pop),
        .out(out), .words(ahead));
    assign full = count + MARGIN > DEPTH;
    assign words = count;

    always @(posedge clk) begin
        if (push) begin
            memory[tail] <= in;
        end
        if (fetch) begin
            read <= memory[head];
        end
        if (rst) begin
            head <= 0;
            tail <= 0;
            stored <= 0;
            count <= 0;
            reading <= 0;
        end else begin
            reading <= fetch;
            head <= head + {{BITS - 1{1'b0}}, fetch};
            tail <= tail + {{BITS - 1{1'b0}}, push};
            stored <= stored + {{BITS{1'b0}}, push} - {{BITS{1'b0}}, fetch};
            count <= count + {{BITS{1'b0}}, push} - {{BITS{1'b0}}, pop};
        end
    end
endmodule

`default_nettype wire
