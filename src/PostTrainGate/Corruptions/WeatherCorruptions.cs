using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Corruptions;

/// <summary>Weather and light (Hendrycks and Dietterich 2019).</summary>
internal static class WeatherCorruptions
{
    public static Corruption Snow { get; } = Corruption.Image("snow", "Falling flakes over a whitened image.", d =>
        {
            var flakes = d.Normal(d.Count, 1, d.Height, d.Width)
                .mul(Scalars.Get(d.Level([.2, .2, .3, .3, .3], [.3, .3, .3, .3, .3])))
                .Plus(d.Level([.1, .1, .15, .25, .3], [.1, .2, .55, .55, .55]));
            flakes = Filters.Enlarge(flakes, d.Level([1, 1, 1.75, 2.25, 1.25], [3, 2, 4, 4.5, 2.5]));
            flakes = flakes
                .masked_fill(
                    flakes.lt(Scalars.Get(d.Level([.6, .5, .55, .6, .65], [.5, .5, .9, .85, .85]))),
                    Scalars.Get(0)
                )
                .clamp(Scalars.Get(0), Scalars.Get(1));
            flakes = Filters.Trail(
                flakes,
                d.Pixels([8, 10, 10, 12, 14], [10, 12, 12, 12, 12]),
                d.Pixels([3, 4, 4, 6, 12], [4, 4, 8, 8, 12]),
                d.PerImage(-135, -45)
            );
            var kept = d.Level([.95, .9, .9, .85, .8], [.8, .7, .7, .65, .55]);
            var white = maximum(d.X, Colors.Luma(d.X).mul(Scalars.Get(1.5)).Plus(0.5));
            return d
                .X.mul(Scalars.Get(kept))
                .Plus(white.mul(Scalars.Get(1 - kept)))
                .Plus(flakes)
                .Plus(flakes.flip(2, 3));
        });

    /// <remarks>
    /// The published one overlays photographs of frost, which are not at hand: here crystals are ridges of plasma
    /// fractals, blended with the published weights. Its figures are not comparable with published ones.
    /// </remarks>
    public static Corruption Frost { get; } =
        Corruption.Image("frost", "Ice crystals over the image; synthetic, whereas ImageNet-C uses photographs.", d =>
        {
            var (image, ice) = (
                d.Level([1, 1, .9, .85, .75], [1, .8, .7, .65, .6]),
                d.Level([.2, .3, .4, .4, .45], [.4, .6, .7, .7, .75])
            );
            var sheet = Filters.Plasma(d, 2.2);
            // Ridges where a finer fractal crosses its middle.
            var ridges = (Filters.Plasma(d, 1.6).sub(Scalars.Get(0.5))).abs().mul(Scalars.Get(-8)).exp();
            var crystals = sheet.mul(Scalars.Get(0.5)).Plus(ridges.mul(Scalars.Get(0.5))).unsqueeze(1);
            return d.X.mul(Scalars.Get(image)).Plus(Colors.Tint(crystals, d.X, 0.88f, 0.96f, 1).mul(Scalars.Get(ice)));
        });

    public static Corruption Fog { get; } = Corruption.Image("fog", "Plasma fractal as mist.", d =>
        {
            var (thick, decay) = (
                d.Level([.2, .5, .75, 1, 1.5], [1.5, 2, 2.5, 2.5, 3]),
                d.Level([3, 3, 2.5, 2, 1.75], [2, 2, 1.7, 1.5, 1.4])
            );
            var brightest = d.X.amax([1, 2, 3], true);
            var fogged = d.X.Plus(Filters.Plasma(d, decay).unsqueeze(1).mul(Scalars.Get(thick)));
            return fogged * brightest / brightest.Plus(thick);
        });

    public static Corruption Brightness { get; } =
        Corruption.Image("brightness", "Higher brightness: the V of HSV increases.", d =>
            Colors.Brighten(d.X, d.Level([.05, .1, .15, .2, .3], [.1, .2, .3, .4, .5]))
        );

    /// <remarks>
    /// Drops of water are shaded by their distance from the edge; edges are those of the drops themselves and distances
    /// the larger of both axes', where the published code has OpenCV's Canny and Euclidean transform.
    /// </remarks>
    public static Corruption Spatter { get; } =
        Corruption.Extra("spatter", "Drops on the lens: water, or mud at severities 4 and 5.", d =>
        {
            var liquid = d.Normal(d.Count, 1, d.Height, d.Width)
                .mul(Scalars.Get(d.Level([.1, .1, .3, .1, .1], [.3, .3, .3, .3, .4])))
                .Plus(d.Level([.62, .65, .65, .65, .65], [.65, .65, .65, .65, .67]));
            liquid = Filters.Smooth(liquid, d.Pixels([.7, .8, 1, .7, .5], [4, 3, 2, 1, 1]));
            var threshold = Scalars.Get(d.Level([.7, .7, .69, .69, .68], [.69, .68, .68, .65, .65]));
            var strength = d.Level([.5, .5, .5, .6, .6], [.6, .6, .5, 1.5, 1.5]);
            if (d.Severity > 3)
            {
                var mud = Filters.Smooth(liquid.gt(threshold).to(float32), strength);
                mud = mud.masked_fill(mud.lt(Scalars.Get(0.8)), Scalars.Get(0));
                return (d.X * (ones_like(mud) - mud)).Plus(Colors.Tint(mud, d.X, 63 / 255f, 42 / 255f, 20 / 255f));
            }

            var drops = liquid.masked_fill(liquid.lt(threshold), Scalars.Get(0));
            var film = drops * Filters.Emboss(Filters.EdgeDistance(drops.gt(Scalars.Get(0)), 20));
            film = film / film.amax([1, 2, 3], true).clamp_min(Scalars.Get(1e-6));
            return d.X.Plus(Colors.Tint(film, d.X, 175 / 255f, 238 / 255f, 238 / 255f).mul(Scalars.Get(strength)));
        });
}
