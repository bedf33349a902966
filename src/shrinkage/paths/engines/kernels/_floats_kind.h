/* All that is compiled once for each kind of processor that _floats.c includes it for. It says TARGET,
   what a function is called: OWN(name), and how many numbers are held in registers: ROWS rows by
   VECTORS panels of a product, sums of LISTED panels twice of a list; and whether the processor
   COMPRESSES. */

#define INLINE TARGET static inline __attribute__((always_inline))

#include "_floats_products.h"
#include "_floats_step.h"
#include "_floats_rows.h"

#undef INLINE
#undef TARGET
#undef OWN
#undef ROWS
#undef VECTORS
#undef LISTED
#undef COMPRESSES
