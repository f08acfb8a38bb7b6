using System.Collections.Immutable;

namespace PostTrainGate.Data;

/// <summary>What a model asks of the data.</summary>
/// <param name="Names">
/// Names of its inputs, each of which takes one column; empty: one input that takes whole rows.
/// </param>
/// <param name="Text">Whether it takes text as it is: then nothing is encoded and no category is left out.</param>
/// <param name="Shape">Shape of a row, -1 where an axis is open; empty where there are several inputs.</param>
internal sealed record ModelInputs(ImmutableArray<string> Names, bool Text, ImmutableArray<long> Shape)
{
    /// <summary>Names that the file gives its classes, in the order of its scores; empty where it gives none.</summary>
    public ImmutableArray<string> ClassNames { get; init; } = [];
}
