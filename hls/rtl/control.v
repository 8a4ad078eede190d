// The s_axilite register file, in the layout of Vitis HLS: CTRL 0x00 (start, done, idle, ready,
// continue = bits 0 to 4), GIER 0x04, IER 0x08, ISR 0x0c, six 64-bit addresses from 0x10, 12 bytes
// apart. done stays until continue is written (ap_ctrl_chain).
`default_nettype none

module davit_control (
    input wire clk,
    input wire rst,
    input wire awvalid,
    output wire awready,
    input wire [6:0] awaddr,
    input wire wvalid,
    output wire wready,
    input wire [31:0] wdata,
    input wire [3:0] wstrb,
    output reg bvalid,
    input wire bready,
    output wire [1:0] bresp,
    input wire arvalid,
    output wire arready,
    input wire [6:0] araddr,
    output reg rvalid,
    input wire rready,
    output reg [31:0] rdata,
    output wire [1:0] rresp,
    output wire interrupt,

    output reg start, // until the kernel is ready
    input wire ready, // one cycle: it has taken the arguments
    input wire finished,
    input wire idle,
    output wire [383:0] addresses
);
    localparam [6:0] CTRL = 7'h00, GIER = 7'h04, IER = 7'h08, ISR = 7'h0c;
    reg done, was_ready, global_enable;
    reg [1:0] enable, status; // done, ready
    reg [63:0] address[0:5];
    genvar g;
    generate
        for (g = 0; g < 6; g = g + 1) begin : bus
            assign addresses[64*g +: 64] = address[g];
        end
    endgenerate
    wire write = awvalid && wvalid && !bvalid;
    assign awready = write;
    assign wready = write;
    assign bresp = 2'b00;
    assign rresp = 2'b00;
    assign arready = !rvalid;
    assign interrupt = global_enable && status != 0;
    wire [31:0] mask = {{8{wstrb[3]}}, {8{wstrb[2]}}, {8{wstrb[1]}}, {8{wstrb[0]}}};
    wire proceed = write && awaddr == CTRL && wstrb[0] && wdata[4];

    integer i;
    always @(posedge clk) begin
        if (rst) begin
            start <= 0;
            done <= 0;
            was_ready <= 0;
            global_enable <= 0;
            enable <= 0;
            status <= 0;
            bvalid <= 0;
            rvalid <= 0;
        end else begin
            if (ready) begin
                start <= 0;
                was_ready <= 1;
            end
            done <= finished || (done && !proceed);
            status <= status | (enable & {ready, finished});
            if (write) begin
                bvalid <= 1;
            end else if (bready) begin
                bvalid <= 0;
            end
            if (write && awaddr == CTRL && wstrb[0] && wdata[0]) begin
                start <= 1;
            end
            if (write && awaddr == GIER && wstrb[0]) begin
                global_enable <= wdata[0];
            end
            if (write && awaddr == IER && wstrb[0]) begin
                enable <= wdata[1:0];
            end
            if (write && awaddr == ISR && wstrb[0]) begin // toggles
                status <= (status | (enable & {ready, finished})) ^ wdata[1:0];
            end
            if (arvalid && arready) begin
                rvalid <= 1;
                rdata <= 0;
                if (araddr == CTRL) begin
                    rdata[3:0] <= {was_ready, idle && !start, done, start};
                    was_ready <= ready;
                end
                if (araddr == GIER) begin
                    rdata[0] <= global_enable;
                end
                if (araddr == IER) begin
                    rdata[1:0] <= enable;
                end
                if (araddr == ISR) begin
                    rdata[1:0] <= status;
                end
                for (i = 0; i < 6; i = i + 1) begin
                    if (araddr == 16 + 12 * i) begin
                        rdata <= addresses[64*i +: 32];
                    end
                    if (araddr == 20 + 12 * i) begin
                        rdata <= addresses[64*i + 32 +: 32];
                    end
                end
            end else if (rready) begin
                rvalid <= 0;
            end
        end
    end

    generate
        for (g = 0; g < 6; g = g + 1) begin : write_address
            always @(posedge clk) begin
                if (write && awaddr == 16 + 12 * g) begin
                    address[g][31:0] <= (address[g][31:0] & ~mask) | (wdata & mask);
                end
                if (write && awaddr == 20 + 12 * g) begin
                    address[g][63:32] <= (address[g][63:32] & ~mask) | (wdata & mask);
                end
            end
        end
    endgenerate
endmodule

`default_nettype wire
