/* Real functions in f64 by +, -, * and / alone: the same bits on every machine, whatever its libm.
 * Made for building tables; not fast. Arguments may be infinite; NaN gives NaN. No call fails. */
#ifndef DAVIT_REAL_H
#define DAVIT_REAL_H

/* e^x; relative error below 2^-50 for results in the normal range. Below that the result is
 * rounded once more; above it is infinite. */
double davit_real_exp(double x);

/* e^x - 1; relative error below 2^-48. */
double davit_real_expm1(double x);

/* 1 / (1 + e^-x); relative error below 2^-49 where the result is normal. */
double davit_real_sigmoid(double x);

/* Relative error below 2^-47. */
double davit_real_tanh(double x);

/* log(1 + e^x); relative error below 2^-48 where the result is normal. */
double davit_real_softplus(double x);

/* The error function of an x with at most 26 significant bits (so that x * x is exact); relative
 * error below 2^-48. */
double davit_real_erf(double x);

/* (1 + erf(x / sqrt 2)) / 2, the normal distribution, of an x with at most 26 significant bits;
 * relative error below 2^-42 where the result is normal. */
double davit_real_normal(double x);

#endif
