using System.Collections.Immutable;

namespace PostTrainGate.Corruptions;

/// <summary>The corruptions that a policy can name.</summary>
internal static class AllCorruptions
{
    /// <summary>In the order of the documentation.</summary>
    public static ImmutableArray<Corruption> All { get; } =
    [
        NoiseCorruptions.Gaussian,
        NoiseCorruptions.Shot,
        NoiseCorruptions.Impulse,
        BlurCorruptions.Defocus,
        BlurCorruptions.Glass,
        BlurCorruptions.Motion,
        BlurCorruptions.Zoom,
        WeatherCorruptions.Snow,
        WeatherCorruptions.Frost,
        WeatherCorruptions.Fog,
        WeatherCorruptions.Brightness,
        DigitalCorruptions.Contrast,
        DigitalCorruptions.Elastic,
        DigitalCorruptions.Pixelate,
        DigitalCorruptions.Jpeg,
        NoiseCorruptions.Speckle,
        BlurCorruptions.Gaussian,
        WeatherCorruptions.Spatter,
        DigitalCorruptions.Saturate,
        TableCorruptions.Noise,
        TableCorruptions.Missing,
        TableCorruptions.Units,
        TableCorruptions.Flips,
    ];
}
