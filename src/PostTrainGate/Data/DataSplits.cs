using System.Collections.Immutable;
using PostTrainGate.Foundation;

namespace PostTrainGate.Data;

/// <summary>The three disjoint splits of a policy.</summary>
/// <param name="Repair">Rows a repair may learn from.</param>
/// <param name="Select">Rows candidates are chosen on.</param>
/// <param name="Test">Rows measured once, for the report.</param>
public sealed record DataSplits(EvaluationSet Repair, EvaluationSet Select, EvaluationSet Test) : IDisposable
{
    /// <summary>The same splits with their classes in another order; takes over the rows.</summary>
    internal DataSplits WithClasses(ImmutableArray<string> names, IReadOnlyList<int> places) =>
        this with
        {
            Repair = Repair.WithClasses(names, places),
            Select = Select.WithClasses(names, places),
            Test = Test.WithClasses(names, places),
        };

    /// <summary>What a reader of the result should know about the data; none is an error.</summary>
    public ImmutableArray<Diagnostic> Diagnostics { get; init; } = [];

    /// <inheritdoc/>
    public void Dispose()
    {
        Repair.Dispose();
        Select.Dispose();
        Test.Dispose();
    }
}
