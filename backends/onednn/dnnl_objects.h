/* What the files behind dnnl_api.h and dnnl_int8.h share. */
#ifndef DAVIT_DNNL_OBJECTS_H
#define DAVIT_DNNL_OBJECTS_H

#include "dnnl_api.h"

/* Makes the primitive of a new descriptor, which the pool takes over; native says how making that
 * descriptor went, what names it. */
DAVIT_NODISCARD davit_status davit_dnnl_finish(davit_dnnl_pool *pool, dnnl_status_t native,
                                               dnnl_primitive_desc_t desc, const char *what,
                                               davit_dnnl_primitive *out);

#endif
