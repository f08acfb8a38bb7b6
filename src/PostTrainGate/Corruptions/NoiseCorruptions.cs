using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Corruptions;

/// <summary>Noise of sensors and transmission (Hendrycks and Dietterich 2019).</summary>
internal static class NoiseCorruptions
{
    public static Corruption Gaussian { get; } =
        Corruption.Image("gaussian_noise", "Gaussian noise on every value, as from a sensor in low light.", d =>
            d.X.Plus(d.Normal(d.X.shape).mul(Scalars.Get(d.Level([.04, .06, .08, .09, .1], [.08, .12, .18, .26, .38]))))
        );

    public static Corruption Shot { get; } =
        Corruption.Image("shot_noise", "Poisson noise from the quantized nature of light.", d =>
        {
            var quanta = d.Level([500, 250, 100, 75, 50], [60, 25, 12, 5, 3]);
            return d.X.mul(Scalars.Get(quanta)).poisson(d.Random).div(Scalars.Get(quanta));
        });

    public static Corruption Impulse { get; } =
        Corruption.Image("impulse_noise", "Salt and pepper: values set to the minimum or the maximum.", d =>
        {
            var share = d.Level([.01, .02, .03, .05, .07], [.03, .06, .09, .17, .27]);
            var draw = rand(d.X.shape, generator: d.Random);
            return d
                .X.masked_fill(draw.lt(Scalars.Get(share / 2)), Scalars.Get(0))
                .masked_fill(draw.gt(Scalars.Get(1 - share / 2)), Scalars.Get(1));
        });

    public static Corruption Speckle { get; } =
        Corruption.Extra("speckle_noise", "Gaussian noise proportional to each value.", d =>
            d.X.Plus(
                d.X * d.Normal(d.X.shape).mul(Scalars.Get(d.Level([.06, .1, .12, .16, .2], [.15, .2, .35, .45, .6])))
            )
        );
}
