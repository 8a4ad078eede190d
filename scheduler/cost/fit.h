/* Times of units that were not measured, from those that were: on the same device, of work of the
 * same kind. */
#ifndef DAVIT_FIT_H
#define DAVIT_FIT_H

#include "davit/cost.h"

typedef struct davit_fit davit_fit;

/* Borrows nothing. entries: all that was measured on one device (davit_store_list). The same
 * entries give the same fit. */
DAVIT_NODISCARD davit_status davit_fit_create(const davit_allocator *allocator,
                                              const davit_store_entry *entries, size_t count,
                                              davit_fit **out);
void davit_fit_destroy(davit_fit *fit);

/* Estimates the time of work. False when nothing of its kind was measured. */
bool davit_fit_estimate(const davit_fit *fit, const davit_work *work, double *seconds,
                        double *confidence);

/* The time of a copy, between those of measured sizes; false where none was measured. */
bool davit_fit_copy(const davit_fit *fit, double bytes, bool to_device, double *seconds,
                    double *confidence);

#endif
