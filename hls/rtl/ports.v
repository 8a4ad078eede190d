// The m_axi masters: 512 bits, bursts of up to 64 words that do not cross 4 KiB.
`default_nettype none

// Cuts runs of words into bursts. outer times inner runs; run i of an outer step begins inner_step
// words behind the one before, outer steps begin outer_step words behind each other. The last outer
// step has runs of last_run words. Addresses are in words.
module davit_bursts (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [57:0] base,
    input wire [31:0] outer,
    input wire [31:0] inner,
    input wire [31:0] run,
    input wire [31:0] last_run,
    input wire [31:0] inner_step,
    input wire [31:0] outer_step,
    output reg valid,
    output reg [57:0] address,
    output wire [6:0] words,
    input wire take
);
    reg [57:0] outer_at, inner_at;
    reg [31:0] outer_left, inner_left, left;
    wire [6:0] to_border = 7'd64 - {1'b0, address[5:0]};
    assign words = left < {25'd0, to_border} ? left[6:0] : to_border;
    wire run_ends = left == {25'd0, words};
    wire [57:0] next_inner = inner_at + {26'd0, inner_step};
    wire [57:0] next_outer = outer_at + {26'd0, outer_step};

    always @(posedge clk) begin
        if (rst) begin
            valid <= 0;
        end else if (start) begin
            valid <= outer != 0 && inner != 0 && (outer == 1 ? last_run : run) != 0;
            address <= base;
            outer_at <= base;
            inner_at <= base;
            outer_left <= outer;
            inner_left <= inner;
            left <= outer == 1 ? last_run : run;
        end else if (valid && take) begin
            address <= address + {51'd0, words};
            left <= left - {25'd0, words};
            if (run_ends && inner_left != 1) begin
                inner_left <= inner_left - 1;
                inner_at <= next_inner;
                address <= next_inner;
                left <= outer_left == 1 ? last_run : run;
            end else if (run_ends) begin
                outer_left <= outer_left - 1;
                outer_at <= next_outer;
                inner_left <= inner;
                inner_at <= next_outer;
                address <= next_outer;
                left <= outer_left == 2 ? last_run : run;
                valid <= outer_left != 1;
            end
        end
    end
endmodule

// Reads runs into a queue of DEPTH words. A burst is asked for when the queue has room for all of
// it. idle: nothing is asked for, under way or in the queue.
module davit_read_port #(
    parameter DEPTH = 512
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [57:0] base,
    input wire [31:0] outer,
    input wire [31:0] inner,
    input wire [31:0] run,
    input wire [31:0] last_run,
    input wire [31:0] inner_step,
    input wire [31:0] outer_step,
    output wire idle,
    output wire empty,
    input wire pop,
    output wire [511:0] out,

    output reg arvalid,
    input wire arready,
    output reg [63:0] araddr,
    output reg [7:0] arlen,
    input wire rvalid,
    output wire rready,
    input wire [511:0] rdata
);
    localparam BITS = $clog2(DEPTH);
    wire valid;
    wire [57:0] address;
    wire [6:0] words;
    reg [BITS:0] reserved; // words of the queue that are taken or asked for
    wire fits = {{25 - BITS{1'b0}}, 6'd0, reserved} + {25'd0, words} <= DEPTH;
    wire take = valid && fits && (!arvalid || arready);

    davit_bursts bursts (
        .clk(clk), .rst(rst), .start(start), .base(base), .outer(outer), .inner(inner), .run(run),
        .last_run(last_run), .inner_step(inner_step), .outer_step(outer_step), .valid(valid),
        .address(address), .words(words), .take(take));
    davit_queue #(.WIDTH(512), .DEPTH(DEPTH)) queue (
        .clk(clk), .rst(rst), .push(rvalid), .in(rdata), .full(), .empty(empty), .pop(pop),
        .out(out), .words());
    assign rready = 1'b1;
    assign idle = !valid && !arvalid && reserved == 0;

    always @(posedge clk) begin
        if (rst) begin
            arvalid <= 0;
            reserved <= 0;
        end else begin
            if (take) begin
                arvalid <= 1;
                araddr <= {address, 6'd0};
                arlen <= {1'b0, words} - 8'd1;
            end else if (arready) begin
                arvalid <= 0;
            end
            reserved <= reserved + (take ? {{BITS - 6{1'b0}}, words} : 0) -
                        {{BITS{1'b0}}, pop};
        end
    end
endmodule

// Writes runs from a queue. A burst begins when all its words are in the queue. all_sent: every word
// has left; idle: every burst is written and acknowledged.
module davit_write_port #(
    parameter DEPTH = 512,
    parameter MARGIN = 8
) (
    input wire clk,
    input wire rst,
    input wire start,
    input wire [57:0] base,
    input wire [31:0] outer,
    input wire [31:0] inner,
    input wire [31:0] run,
    input wire [31:0] last_run,
    input wire [31:0] inner_step,
    input wire [31:0] outer_step,
    output wire all_sent,
    output wire idle,
    input wire push,
    input wire [511:0] in,
    output wire full,

    output reg awvalid,
    input wire awready,
    output reg [63:0] awaddr,
    output reg [7:0] awlen,
    output wire wvalid,
    input wire wready,
    output wire [511:0] wdata,
    output wire wlast,
    input wire bvalid,
    output wire bready
);
    localparam BITS = $clog2(DEPTH);
    wire valid, empty, no_burst, bursts_full;
    wire [57:0] address;
    wire [6:0] words, burst;
    wire [BITS:0] stored;
    reg [BITS:0] promised; // words of bursts that are not yet sent
    reg [31:0] unanswered; // bursts
    reg [6:0] sent;        // words of the burst
    wire there = {{BITS - 6{1'b0}}, words} + promised <= stored;
    wire take = valid && there && !bursts_full && (!awvalid || awready);
    wire beat = wvalid && wready;

    davit_bursts bursts (
        .clk(clk), .rst(rst), .start(start), .base(base), .outer(outer), .inner(inner), .run(run),
        .last_run(last_run), .inner_step(inner_step), .outer_step(outer_step), .valid(valid),
        .address(address), .words(words), .take(take));
    davit_queue #(.WIDTH(512), .DEPTH(DEPTH), .MARGIN(MARGIN)) queue (
        .clk(clk), .rst(rst), .push(push), .in(in), .full(full), .empty(empty), .pop(beat),
        .out(wdata), .words(stored));
    davit_fifo #(.WIDTH(7), .DEPTH(16)) lengths (
        .clk(clk), .rst(rst), .push(take), .in(words), .full(bursts_full), .empty(no_burst),
        .pop(beat && wlast), .out(burst), .words());
    assign wvalid = !no_burst && !empty;
    assign wlast = sent + 7'd1 == burst;
    assign bready = 1'b1;
    assign all_sent = !valid && promised == 0;
    assign idle = !valid && !awvalid && unanswered == 0;

    always @(posedge clk) begin
        if (rst) begin
            awvalid <= 0;
            promised <= 0;
            unanswered <= 0;
            sent <= 0;
        end else begin
            if (take) begin
                awvalid <= 1;
                awaddr <= {address, 6'd0};
                awlen <= {1'b0, words} - 8'd1;
            end else if (awready) begin
                awvalid <= 0;
            end
            promised <= promised + (take ? {{BITS - 6{1'b0}}, words} : 0) - {{BITS{1'b0}}, beat};
            unanswered <= unanswered + {31'd0, take} - {31'd0, bvalid};
            if (beat) begin
                sent <= wlast ? 7'd0 : sent + 7'd1;
            end
        end
    end
endmodule

`default_nettype wire
