using System.Collections.Immutable;

namespace PostTrainGate.Data;

/// <summary>
/// True and predicted classes of rows: all that a metric needs to know which is a function of counts.
/// </summary>
public interface IPredictions
{
    /// <summary>Label text of each class index.</summary>
    ImmutableArray<string> ClassNames { get; }

    /// <summary>Class index that counts as the favorable outcome.</summary>
    int Favorable { get; }

    /// <summary>The rows, by the levels of a group where one is named.</summary>
    /// <param name="group">Name of the group; null: all rows together.</param>
    /// <param name="scored">
    /// Class whose probability is wanted for each row; null: none. Rows have none where it is not known.
    /// </param>
    /// <returns>Null when there is no such group.</returns>
    PredictedRows? Rows(string? group, int? scored = null);
}

/// <summary>Rows by true and predicted class and by level of a group; those that agree may be taken together.</summary>
/// <param name="Labels">True class.</param>
/// <param name="Predictions">Predicted class.</param>
/// <param name="Group">Levels; null: all rows are one level.</param>
public sealed record PredictedRows(
    ImmutableArray<int> Labels,
    ImmutableArray<int> Predictions,
    GroupColumn? Group = null
)
{
    /// <summary>How many rows each entry stands for; default: one.</summary>
    public ImmutableArray<int> Counts { get; init; }

    /// <summary>Probability of the class that was asked for; null where nobody did, or it is not known.</summary>
    public double[]? Scores { get; init; }

    /// <summary>By what scores are taken together; null: by themselves.</summary>
    public double[]? Steps { get; init; }

    /// <summary>Number of rows.</summary>
    public int Total => Counts.IsDefault ? Labels.Length : Counts.Sum();

    /// <summary>Number of rows that have no value of the group.</summary>
    public long Ungrouped =>
        Enumerable.Range(0, Labels.Length).Where(i => GroupColumn.CountedLevel(Group, i) < 0).Sum(i => (long)Count(i));

    /// <summary>How many rows an entry stands for.</summary>
    public int Count(int entry) => Counts.IsDefault ? 1 : Counts[entry];
}
