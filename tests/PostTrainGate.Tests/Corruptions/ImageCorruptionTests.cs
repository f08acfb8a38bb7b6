using PostTrainGate.Corruptions;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Corruptions;

/// <summary>Corruptions of images against their formulas, at any size.</summary>
public class ImageCorruptionTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names() =>
        [.. Catalog.Default.Corruptions.Where(c => c.Kind != CorruptionKind.Table).Select(c => c.Name)];

    private static Corruption Named(string name) => Catalog.Default.Corruptions.Single(c => c.Name == name);

    private static Tensor Apply(string name, Tensor x, int severity, int seed = 1)
    {
        using var random = new Generator((ulong)seed, CPU);
        return Named(name).Apply(new(x, severity, random));
    }

    // Clothes, enlarged, in a color that runs from one side to the other.
    private static Tensor Images(int n, long channels, long height, long width)
    {
        using var scope = NewDisposeScope();
        var x = nn.functional.interpolate(
            FashionMnist.Test(n).Images,
            [height, width],
            mode: InterpolationMode.Bilinear,
            align_corners: false
        );
        if (channels == 3)
            x = cat([x, x * linspace(1, 0.2, width), x * 0.6 + 0.1], 1);
        return x.contiguous().MoveToOuterDisposeScope();
    }

    [Fact]
    public void There_are_the_fifteen_and_the_four_of_ImageNet_C() =>
        Assert.Equal(
            (15, 4),
            (
                Catalog.Default.Corruptions.Count(c => c.Kind == CorruptionKind.Image),
                Catalog.Default.Corruptions.Count(c => c.Kind == CorruptionKind.ExtraImage)
            )
        );

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_takes_any_size_and_repeats_with_its_seed(string name)
    {
        using var scope = NewDisposeScope();
        foreach (
            var (channels, height, width) in new[]
            {
                (1L, 8L, 8L),
                (3, 8, 8),
                (1, 28, 28),
                (3, 32, 40),
                (3, 224, 224),
                (1, 230, 200),
            }
        )
        {
            var x = Images(2, channels, height, width);
            var clean = x.clone();
            for (var severity = 1; severity <= 5; severity += 2)
            {
                var once = Apply(name, x, severity);
                Assert.Equal(x.shape, once.shape);
                Assert.True(
                    once.isfinite().all().item<bool>(),
                    $"{name} {height} x {width} at {severity} is not finite"
                );
                Assert.True(Same(once, Apply(name, x, severity)), $"{name} differs when repeated");
            }

            Assert.True(Same(clean, x), $"{name} changes its input");
        }
    }

    // Means over clothes of 32 x 32 and 224 x 224 pixels. Published parameters do not rise everywhere: of these only
    // the ends are compared.
    [Theory]
    [MemberData(nameof(Names))]
    public void Severity_leads_further_from_the_clean_image(string name)
    {
        using var scope = NewDisposeScope();
        string[] rising =
        [
            "gaussian_noise",
            "shot_noise",
            "impulse_noise",
            "speckle_noise",
            "gaussian_blur",
            "defocus_blur",
            "zoom_blur",
            "contrast",
            "brightness",
        ];
        foreach (var size in new[] { 32L, 224 })
        {
            var x = Images(8, 3, size, size);
            var distance = Enumerable
                .Range(1, 5)
                .Select(s => (Apply(name, x, s).clamp(0, 1) - x).square().mean().sqrt().item<float>())
                .ToArray();
            output.WriteLine($"{name} {size}: {string.Join(" ", distance.Select(v => v.ToString("0.000")))}");
            // Saturation falls before it rises; elastic images are published with smaller moves of whole regions at
            // higher severities.
            if (name is not ("saturate" or "elastic_transform"))
                Assert.True(distance[4] > distance[0], $"{name} at {size}");
            Assert.All(distance, v => Assert.True(v > 0.001, $"{name} at {size} changes nothing"));
            if (rising.Contains(name))
                Assert.Equal(distance.Order(), distance);
        }
    }

    // Published parameters of CIFAR-10-C and ImageNet-C: severities 1 and 5 at 32 and 224 pixels.
    [Theory]
    [InlineData("gaussian_noise", 32, 1, 0.04)]
    [InlineData("gaussian_noise", 32, 5, 0.10)]
    [InlineData("gaussian_noise", 224, 1, 0.08)]
    [InlineData("speckle_noise", 32, 1, 0.03)] // half of 0.06 at a value of a half
    [InlineData("speckle_noise", 224, 1, 0.075)]
    [InlineData("shot_noise", 32, 1, 0.0316)] // sqrt(0.5 / 500)
    [InlineData("shot_noise", 224, 1, 0.0913)] // sqrt(0.5 / 60)
    public void Noise_has_the_published_deviation(string name, long size, int severity, double deviation)
    {
        using var scope = NewDisposeScope();
        var noise = Apply(name, full(40, 1, size, size, 0.5f), severity) - 0.5f;
        Assert.Equal(deviation, noise.std().item<float>(), 0.03 * deviation);
        Assert.Equal(0, noise.mean().item<float>(), 0.02 * deviation);
    }

    [Theory]
    [InlineData(32, 5, 0.07)]
    [InlineData(224, 5, 0.27)]
    [InlineData(85, 1, 0.02)] // in the middle of the logarithms of 32 and 224: between 0.01 and 0.03
    public void Impulses_are_salt_and_pepper_in_the_published_share(long size, int severity, double share)
    {
        using var scope = NewDisposeScope();
        var x = Apply("impulse_noise", full(40, 1, size, size, 0.5f), severity);
        foreach (var end in new[] { 0f, 1f })
            Assert.Equal(share / 2, x.eq(end).to(float32).mean().item<float>(), 0.05 * share);
        Assert.Equal(1 - share, x.eq(0.5f).to(float32).mean().item<float>(), 0.05 * share);
    }

    [Fact]
    public void Contrast_and_brightness_are_their_formulas()
    {
        using var scope = NewDisposeScope();
        var x = Images(3, 3, 32, 32);
        var mean = x.mean([2, 3], true);
        Assert.True(allclose(Apply("contrast", x, 5), (x - mean) * 0.15 + mean, atol: 1e-6));
        var gray = Images(3, 1, 224, 224);
        Assert.True(allclose(Apply("brightness", gray, 2), (gray + 0.2).clamp_max(1), atol: 1e-6));
        // Python's colorsys: (0.2, 0.4, 0.1) has the value 0.4, a hue and a saturation that stay at a value of 0.45.
        var color = tensor(new float[] { 0.2f, 0.4f, 0.1f }).reshape(1, 3, 1, 1).expand(1, 3, 8, 8);
        Assert.True(
            allclose(
                Apply("brightness", color, 1)[0][.., 0, 0],
                tensor(new float[] { 0.225f, 0.45f, 0.1125f }),
                atol: 1e-6
            )
        );
        // Saturation 0.75 times 0.3: hsv_to_rgb(5/18, 0.225, 0.4).
        Assert.True(
            allclose(Apply("saturate", color, 1)[0][.., 0, 0], tensor(new float[] { 0.34f, 0.4f, 0.31f }), atol: 1e-6)
        );
    }

    // The second moment of a blurred point is that of the kernel.
    [Fact]
    public void A_Gaussian_blur_spreads_a_point_by_its_variance_and_keeps_its_mass()
    {
        using var scope = NewDisposeScope();
        var point = zeros(1, 1, 41, 31);
        point[0, 0, 20, 15] = 1;
        var blurred = Filters.Smooth(point, 2);
        Assert.Equal(1, blurred.sum().item<float>(), 1e-5);
        var rows = blurred[0, 0].sum(1);
        Assert.Equal(4, (rows * (arange(41) - 20).square()).sum().item<float>(), 0.02);
        Assert.True(allclose(Filters.Smooth(ones(1, 1, 9, 7), 5), ones(1, 1, 9, 7), atol: 1e-5));
    }

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(90, 1, 0)]
    [InlineData(45, 1, 1)]
    public void A_trail_takes_pixels_along_its_angle(double angle, int down, int right)
    {
        using var scope = NewDisposeScope();
        var point = zeros(1, 1, 21, 21);
        point[0, 0, 10, 10] = 1;
        var trail = Filters.Trail(point, 4, 1e6, [angle]); // 9 pixels of the same weight, in whole steps along the line
        Assert.Equal(1, trail.sum().item<float>(), 1e-4);
        var (dy, dx) = (down == 0 ? 0 : 4, right == 0 ? 0 : 4);
        Assert.True(trail[0, 0, 10 - dy, 10 - dx].item<float>() > 0.05, "not along the line");
        Assert.Equal(0, trail[0, 0, 10 + Math.Max(1, dy), 10 + Math.Max(1, dx)].item<float>());
    }

    [Fact]
    public void Nothing_changes_where_there_is_nothing_to_change()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        var x = Images(2, 3, 30, 20);
        Distortion d = new(x, 1, random);
        Assert.True(Same(Filters.Smooth(x, 0.05), x));
        Assert.True(Same(Filters.Trail(x, 0, 1, [30, -30]), x));
        Assert.True(Same(Filters.Enlarge(x, 1), x));
        Assert.True(allclose(Warp.Affine(d, 0), x, atol: 1e-4));
        Assert.True(allclose(Warp.By(x, zeros(2, 30, 20), zeros(2, 30, 20)), x, atol: 1e-4));
        Assert.True(allclose(Colors.Brighten(x, 0), x, atol: 1e-6));
        Assert.True(allclose(Colors.Saturate(x, 1, 0), x, atol: 1e-5));
        Assert.True(Filters.Disk(x, 0.3, 0.05).allclose(x, atol: 1e-5));
    }

    [Fact]
    public void Enlarging_and_warping_keep_a_ramp_a_ramp()
    {
        using var scope = NewDisposeScope();
        var ramp = linspace(0, 1, 33).reshape(1, 1, 1, 33).expand(1, 1, 33, 33).contiguous();
        var larger = Filters.Enlarge(ramp, 1.5)[0, 0, 16];
        Assert.Equal(15.5 / 32, larger[16].item<float>(), 1e-3); // of 33 pixels the 22 from the sixth on
        Assert.Equal(1 / 32.0 * 21 / 32, (larger[20] - larger[19]).item<float>(), 1e-3); // 22 pixels over 33
        var moved = Warp.By(ramp, full(1, 33, 33, 2f), zeros(1, 33, 33));
        Assert.Equal(12 / 32.0, moved[0, 0, 5, 10].item<float>(), 1e-5);
    }

    [Fact]
    public void Glass_only_moves_pixels_between_its_blurs()
    {
        using var scope = NewDisposeScope();
        var x = Images(2, 3, 32, 32);
        var glass = Apply("glass_blur", x, 1); // sigma 0.05: no blur at all
        Assert.True(Same(glass.flatten(2).sort(2).Values, x.flatten(2).sort(2).Values));
    }

    [Fact]
    public void Plasma_fills_the_range_and_gets_rougher_with_less_decay()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        Distortion d = new(zeros(4, 1, 64, 64), 1, random);
        double Roughness(double decay)
        {
            var map = Filters.Plasma(d, decay);
            Assert.Equal((0, 1), (map.min().item<float>(), map.max().item<float>()));
            return (map.narrow(2, 1, 63) - map.narrow(2, 0, 63)).abs().mean().item<float>();
        }

        Assert.True(Roughness(1.4) > 2 * Roughness(2));
    }

    // Quality 40 and 7 against a higher one on the same images, and an image of one value, which survives.
    [Fact]
    public void Jpeg_loses_more_of_detail_than_of_nothing()
    {
        using var scope = NewDisposeScope();
        foreach (var channels in new[] { 1L, 3 })
        {
            var flat = full(1, channels, 24, 24, 0.4f);
            Assert.Equal(0, (Apply("jpeg_compression", flat, 1) - flat).abs().max().item<float>(), 0.01);
        }

        // What was read back is what SkiaSharp gives for the same file's bytes: whole gray levels.
        var x = Apply("jpeg_compression", Images(1, 1, 28, 28), 3) * 255;
        Assert.Equal(0, (x - x.round()).abs().max().item<float>(), 1e-3);
    }

    private static bool Same(Tensor a, Tensor b) => a.eq(b).all().item<bool>();
}
