using System.Collections.Immutable;
using PostTrainGate.Foundation;

namespace PostTrainGate.Data;

/// <summary>Predictions that were made elsewhere, counted.</summary>
/// <param name="classNames">Label text of each class index.</param>
/// <param name="favorable">Class index that counts as the favorable outcome; scores are its.</param>
/// <param name="all">All rows.</param>
/// <param name="byGroup">All rows by the levels of each group.</param>
internal sealed class PredictionCounts(
    ImmutableArray<string> classNames,
    int favorable,
    PredictedRows all,
    ImmutableDictionary<string, PredictedRows> byGroup
) : IPredictions
{
    /// <inheritdoc/>
    public ImmutableArray<string> ClassNames => classNames;

    /// <inheritdoc/>
    public int Favorable => favorable;

    /// <summary>What a reader of the result should know about the data; none is an error.</summary>
    public ImmutableArray<Diagnostic> Diagnostics { get; init; } = [];

    /// <inheritdoc/>
    public PredictedRows? Rows(string? group, int? scored = null)
    {
        var rows = group is null ? all : byGroup.GetValueOrDefault(group);
        return scored == favorable ? rows
            : rows is null ? null
            : rows with { Scores = null, Steps = null };
    }
}
