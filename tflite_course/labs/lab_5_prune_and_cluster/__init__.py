"""The exercises of lab 5: zeros, shared weights, a fair control, and which sizes change."""

from tflite_course.labs.lab_5_prune_and_cluster import (
    clustered,
    codebook,
    fair_control,
    kmeans_step,
    make_schedule,
    prune_smallest,
    pruned,
    shrink_factors,
)

EXERCISES = {
    "prune_smallest": prune_smallest.EXERCISE,
    "make_schedule": make_schedule.EXERCISE,
    "pruned": pruned.EXERCISE,
    "fair_control": fair_control.EXERCISE,
    "shrink_factors": shrink_factors.EXERCISE,
    "kmeans_step": kmeans_step.EXERCISE,
    "codebook": codebook.EXERCISE,
    "clustered": clustered.EXERCISE,
}
