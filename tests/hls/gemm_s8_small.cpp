/* gemm_s8 once more, with a small array and buffers that small shapes overrun. In a namespace, as
 * its types have the names of the other's. */
#include "dataflow.h"
#include "pixels.h"
#include "ports.h"
#include "requantise.h"

#define GEMM_NAME gemm_s8_small
#define GEMM_ROWS 3
#define GEMM_COLUMNS 16
#define GEMM_MAP_WORDS 64
#define GEMM_TILE_STEPS 64
#define GEMM_PANEL_STEPS 64
#define GEMM_PANEL_TILES 8
#define GEMM_TABLE_TILES 16

namespace small_engine {
#include "gemm_s8.cpp"
}
