using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Corruptions;

/// <summary>What data a corruption is for.</summary>
public enum CorruptionKind
{
    /// <summary>Images: one of the fifteen of ImageNet-C, taken where none are named.</summary>
    Image,

    /// <summary>Images: one of the four that ImageNet-C keeps for validation, taken where it is named.</summary>
    ExtraImage,

    /// <summary>Tables; taken where none are named.</summary>
    Table,
}

/// <summary>A common corruption of inputs, at five severities.</summary>
public sealed class Corruption : INamed
{
    private Corruption(string name, CorruptionKind kind, string summary, Func<Distortion, Tensor> of) =>
        (Name, Kind, Summary, Apply) = (name, kind, summary, of);

    /// <summary>Name in the policy, snake case.</summary>
    public string Name { get; }

    /// <summary>What data it is for.</summary>
    public CorruptionKind Kind { get; }

    /// <summary>One sentence for the tables of the documentation.</summary>
    public string Summary { get; }

    /// <summary>Of a batch, the corrupted one in the same form; images are cut off at 0 and 1 afterwards.</summary>
    internal Func<Distortion, Tensor> Apply { get; }

    /// <summary>An image corruption.</summary>
    internal static Corruption Image(string name, string summary, Func<Distortion, Tensor> of) =>
        new(name, CorruptionKind.Image, summary, of);

    /// <summary>One of those for validation.</summary>
    internal static Corruption Extra(string name, string summary, Func<Distortion, Tensor> of) =>
        new(name, CorruptionKind.ExtraImage, summary, of);

    /// <summary>A corruption of tables.</summary>
    internal static Corruption Table(string name, string summary, Func<Distortion, Tensor> of) =>
        new(name, CorruptionKind.Table, summary, of);
}

/// <summary>A batch that is to be corrupted.</summary>
/// <param name="X">
/// Images [n, 1 or 3 channels, height, width] in [0, 1]; rows of a table [n, width] in the model's encoding.
/// </param>
/// <param name="Severity">From 1 to 5.</param>
/// <param name="Random">The only source of randomness.</param>
/// <param name="Columns">The table's columns; null for images.</param>
internal sealed record Distortion(Tensor X, int Severity, Generator Random, ColumnStatistics? Columns = null)
{
    // The sizes that severities are published for: CIFAR-10-C and ImageNet-C.
    private const double Small = 32;
    private const double Large = 224;

    /// <summary>Number of images or rows.</summary>
    public long Count => X.shape[0];

    /// <summary>Height of images.</summary>
    public long Height => X.shape[2];

    /// <summary>Width of images.</summary>
    public long Width => X.shape[3];

    /// <summary>The shorter side of images.</summary>
    public long Side => Math.Min(Height, Width);

    /// <summary>
    /// The published parameter of this severity: that for 32 pixels up to that size, that for 224 from there on,
    /// between them linear in the logarithm of the shorter side.
    /// </summary>
    /// <param name="small">Five values, of CIFAR-10-C.</param>
    /// <param name="large">Five values, of ImageNet-C.</param>
    public double Level(double[] small, double[] large)
    {
        var share = Math.Clamp(Math.Log(Side / Small) / Math.Log(Large / Small), 0, 1);
        return small[Severity - 1] + share * (large[Severity - 1] - small[Severity - 1]);
    }

    /// <summary>
    /// A parameter that is a length in pixels: outside of 32 to 224 it grows and shrinks with the image.
    /// </summary>
    public double Pixels(double[] small, double[] large) =>
        Level(small, large)
        * (
            Side < Small ? Side / Small
            : Side > Large ? Side / Large
            : 1
        );

    /// <summary>A parameter of tables.</summary>
    public double Level(double[] values) => values[Severity - 1];

    /// <summary>Normal numbers.</summary>
    public Tensor Normal(params long[] shape) => randn(shape, generator: Random);

    /// <summary>Numbers uniform in [-1, 1].</summary>
    public Tensor Uniform(params long[] shape) =>
        rand(shape, generator: Random).mul(Scalars.Get(2)).sub(Scalars.Get(1));

    /// <summary>For each image a number uniform in a range.</summary>
    public double[] PerImage(double from, double to) =>
        [.. rand(Count, dtype: float64, generator: Random).data<double>().Select(r => from + r * (to - from))];
}

/// <summary>What corruptions of tables know of their columns, from all rows that are measured.</summary>
/// <param name="Layout">Which inputs belong to which column.</param>
/// <param name="Mean">[width].</param>
/// <param name="Deviation">[width].</param>
/// <param name="Numeric">Columns of numbers that are more than two values.</param>
/// <param name="Categorical">One-hot blocks, and columns of two values.</param>
internal sealed record ColumnStatistics(
    FeatureLayout Layout,
    Tensor Mean,
    Tensor Deviation,
    FeatureColumn[] Numeric,
    FeatureColumn[] Categorical
)
{
    /// <summary>Of rows; without a layout each input is a column of numbers.</summary>
    /// <param name="inputs">[n, width].</param>
    /// <param name="layout">The layout, or null.</param>
    public static ColumnStatistics Compute(Tensor inputs, FeatureLayout? layout)
    {
        layout ??= new([.. Enumerable.Range(0, (int)inputs.shape[1]).Select(i => new FeatureColumn($"{i}", i, []))]);
        var (numeric, categorical) = (new List<FeatureColumn>(), new List<FeatureColumn>());
        foreach (var column in layout.Columns)
        {
            using var values = inputs.select(1, column.Start);
            (
                column.Categories.IsEmpty && values.data<float>().Distinct().Take(3).Count() > 2 ? numeric : categorical
            ).Add(column);
        }

        return new(layout, inputs.mean([0]), inputs.std(0, unbiased: false), [.. numeric], [.. categorical]);
    }
}
