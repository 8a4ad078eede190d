/* The portable kernels of backends/gpu/kernels. */
#include "prelude.h"

#include "davit/gpu_product.h"

#include "../../gpu/kernels/params.h"

#include "../../gpu/kernels/arithmetic.inc"

#include "../../gpu/kernels/direct.inc"
#include "../../gpu/kernels/elementwise.inc"
#include "../../gpu/kernels/image.inc"
#include "../../gpu/kernels/integer.inc"
#include "../../gpu/kernels/matmul.inc"
#include "../../gpu/kernels/move.inc"
#include "../../gpu/kernels/product.inc"
#include "../../gpu/kernels/rows.inc"
