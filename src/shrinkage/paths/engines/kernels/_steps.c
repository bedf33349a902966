/* The loss of a step, which all kinds of compiled steps share. */
#include "_steps.h"

#include "_cross_entropy.h"

double loss_of_rows(const struct steps *s, size_t step, const float *outputs, size_t stride,
                    float *slope)
{
    size_t count = s->layer[s->layers - 1].outputs;
    const float *weight = s->weight ? s->weights + step * s->rows : NULL;
    if (s->loss == CROSS_ENTROPY)
        return cross_entropy_of_rows(outputs, (const int64_t *)s->targets + step * s->rows, weight,
                                     count, stride, s->rows, s->rows, slope)
               / (double)s->rows;
    const float *target = (const float *)s->targets + step * s->rows * count;
    double loss = 0;
    for (size_t o = 0; o < count; o++)
        for (size_t j = 0; j < s->rows; j++) {
            float apart = outputs[o * stride + j] - target[j * count + o];
            float own = weight ? weight[j] : 1.0f;
            loss += 0.5f * apart * apart * own;
            slope[o * stride + j] = apart * own / (float)s->rows;
        }
    return loss / (double)s->rows;
}
