using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace PostTrainGate.Metrics;

/// <summary>
/// An input that a small perturbation turns into an error, of those that an attack found. It explains, it is not
/// judged.
/// </summary>
/// <param name="Row">Its place in the split, from 0.</param>
/// <param name="Label">Its true class, which the unperturbed input is given.</param>
/// <param name="Predicted">The class that the perturbed one is given.</param>
/// <param name="Size">
/// Size of the perturbation in the attack's norm; of an attack that keeps the form of a table, that of its numbers.
/// </param>
public sealed record FragileInput(int Row, string Label, string Predicted, double Size)
{
    /// <summary>Where it stands in the data: <c>german.csv, line 17</c>; empty in results of earlier versions.</summary>
    public string Place { get; init; } = "";

    /// <summary>Of a table: what changes, the largest changes first.</summary>
    public ImmutableArray<ChangedColumn> Columns { get; init; } = [];

    /// <summary>How many columns change besides.</summary>
    public int MoreColumns { get; init; }

    /// <summary>Of an image: its pixels; only reports of the run itself have them.</summary>
    [JsonIgnore]
    public FragileImage? Image { get; init; }
}

/// <summary>A column that a perturbation changes, in the table's own units.</summary>
/// <param name="Name">The column.</param>
/// <param name="From">What it holds.</param>
/// <param name="To">What it becomes.</param>
public sealed record ChangedColumn(string Name, string From, string To);

/// <summary>
/// An image, what is added to it, and what that makes of it: rows from the top, a byte for each channel of a pixel.
/// </summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1, gray, or 3.</param>
/// <param name="Original">The image.</param>
/// <param name="Perturbation">The perturbation, amplified, around a middle gray.</param>
/// <param name="Adversarial">Their sum.</param>
/// <param name="Amplification">By how much the perturbation is amplified.</param>
public sealed record FragileImage(
    int Width,
    int Height,
    int Channels,
    ImmutableArray<byte> Original,
    ImmutableArray<byte> Perturbation,
    ImmutableArray<byte> Adversarial,
    double Amplification
);
