using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Corruptions;

/// <summary>Blur of lenses and motion (Hendrycks and Dietterich 2019).</summary>
internal static class BlurCorruptions
{
    public static Corruption Gaussian { get; } =
        Corruption.Extra("gaussian_blur", "Gaussian blur.", d =>
            Filters.Smooth(d.X, d.Pixels([.4, .6, .7, .8, 1], [1, 2, 3, 4, 6]))
        );

    public static Corruption Defocus { get; } = Corruption.Image("defocus_blur", "Lens out of focus: disk blur.", d =>
        {
            var (radius, soft) = (
                d.Pixels([.3, .4, .5, 1, 1.5], [3, 4, 6, 8, 10]),
                d.Level([.4, .5, .6, .2, .1], [.1, .5, .5, .5, .5])
            );
            return Filters.Disk(d.X, radius, soft);
        });

    /// <remarks>
    /// Neighbors change places; the published code writes one over the other where it means to swap them.
    /// </remarks>
    public static Corruption Glass { get; } =
        Corruption.Image("glass_blur", "Frosted glass: neighboring pixels swap places between two blurs.", d =>
        {
            var sigma = d.Pixels([.05, .25, .4, .25, .4], [.7, .9, 1, 1.1, 1.5]);
            var reach = (int)Math.Max(1, Math.Round(d.Pixels([1, 1, 1, 1, 1], [1, 2, 2, 3, 4])));
            var rounds = (int)Math.Round(d.Level([1, 1, 1, 2, 2], [2, 1, 3, 2, 2]));
            return Filters.Smooth(Shuffle(Filters.Smooth(d.X, sigma), reach, rounds, d), sigma);
        });

    public static Corruption Motion { get; } =
        Corruption.Image("motion_blur", "Moving camera: blur along a line within 45 degrees of the horizontal.", d =>
            Filters.Trail(
                d.X,
                d.Pixels([6, 6, 6, 8, 9], [10, 15, 15, 15, 20]),
                d.Pixels([1, 1.5, 2, 2, 2.5], [3, 5, 8, 12, 15]),
                d.PerImage(-45, 45)
            )
        );

    public static Corruption Zoom { get; } =
        Corruption.Image("zoom_blur", "Camera moving toward its object: mean of increasingly zoomed images.", d =>
        {
            // Published: steps of 0.01 (of 0.01 to 0.03 for large images) up to a largest factor.
            var (most, step) = (
                d.Level([.05, .1, .15, .2, .25], [.1, .15, .2, .25, .3]),
                d.Level([.01, .01, .01, .01, .01], [.01, .01, .02, .02, .03])
            );
            var sum = d.X.clone();
            var count = 1;
            for (var factor = 1.0; factor < 1 + most + step / 2; factor += step, count++)
            {
                using var larger = Filters.Enlarge(d.X, factor);
                sum.add_(larger, Scalars.Whole(1));
            }

            return sum.div(Scalars.Whole(count));
        });

    private static Tensor Shuffle(Tensor x, int reach, int rounds, Distortion d)
    {
        var (n, h, w) = (d.Count, (int)d.Height, (int)d.Width);
        var places = new long[n * h * w];
        for (var round = 0; round < rounds; round++)
        {
            using var scope = NewDisposeScope();
            var moves = randint(-reach, reach, [n, h, w, 2], generator: d.Random).data<long>().ToArray();
            for (var image = 0; image < n; image++)
            {
                var own = places.AsSpan(image * h * w, h * w);
                if (round == 0)
                    for (var p = 0; p < own.Length; p++)
                        own[p] = p;
                for (var row = h - reach - 1; row >= reach; row--)
                {
                    for (var column = w - reach - 1; column >= reach; column--)
                    {
                        var (from, draw) = (row * w + column, 2 * ((image * h + row) * w + column));
                        var to = (row + (int)moves[draw]) * w + column + (int)moves[draw + 1];
                        (own[from], own[to]) = (own[to], own[from]);
                    }
                }
            }
        }

        var index = tensor(places).reshape(n, 1, h * w).expand(n, x.shape[1], h * w);
        return x.flatten(2).gather(2, index).reshape(x.shape);
    }
}
