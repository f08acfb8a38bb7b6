using PostTrainGate.Data;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// A metric's own formula on soft counts (<see cref="SoftTable"/>): a rate constraint with a proxy that has gradients
/// (Cotter et al., JMLR 2019), a sigmoid where theirs is a hinge. The figure's slopes by the counts are taken by
/// central differences, so that no formula is written twice, and carried on to the weights by autograd.
/// </summary>
/// <remarks>
/// The loss is s, by how much the soft figure misses the threshold in the metric's unit. Soft predictions differ less
/// between groups than those that are counted: where these miss the threshold, there has to be a gradient although s is
/// negative, and the loss is 1 + s above 0 and exp(s) below. Where both meet it, it is 0.
/// </remarks>
internal sealed class TableSurrogate(TableMetric metric, SurrogateContext context, GroupColumn? group)
    : Surrogate(context)
{
    // Differences are taken so far from a number x: Step x, or where x is smaller than Small as if it were that.
    private const double Step = 1e-5,
        Small = 0.1;

    private readonly SoftRate? _rate = context.Rule.Rate?.Soft;

    private readonly int[] _favorable =
        context.Rule.Average == ClassView.Favorable
            ? [context.Data.Favorable]
            : [.. Enumerable.Range(0, context.Data.ClassNames.Length)];

    /// <inheritdoc/>
    public override double Passes => 0;

    /// <inheritdoc/>
    protected override Tensor Compute(SurrogateBatch batch)
    {
        var (logits, rows) = (batch.Logits.to(float64), RowsOf(batch));
        SoftTable[] tables =
        [
            .. _favorable.Select(favorable =>
                _rate is null
                    ? SoftTable.Counted(logits, rows, favorable, batch.Temperature)
                    : SoftTable.Scored(logits, rows, favorable, batch.Temperature, _rate)
            ),
        ];
        var rule = _rate is null ? Rule : Rule with { Rate = SoftTable.Given };
        double[][] at = [.. tables.Select(t => t.Values.detach().data<double>().ToArray())];
        var (missed, counted) = (Missed(), Judge.Missed(Rule, Figure(batch)));
        if (!double.IsFinite(missed) || !(missed > 0 || counted > 0))
            return Nothing(batch);
        var linear = tables
            .Select((t, i) => (t.Values * tensor(Slopes(t, at[i]))).sum())
            .Aggregate((a, b) => a.Plus(b));
        var soft = (linear - linear.detach()).Plus(missed).to(batch.Logits.dtype);
        // elu(soft) + 1 without a number in the call, which TorchSharp would not hold.
        return counted > 0 ? soft.relu() + soft.neg().relu().neg().exp() : soft;

        double Missed() => Judge.Missed(rule, metric.Figure([.. tables.Select((t, i) => t.Table(at[i]))], rule));

        double[] Slopes(SoftTable table, double[] values)
        {
            var slopes = new double[values.Length];
            for (var i = 0; i < values.Length; i++)
            {
                var (x, step) = (values[i], Step * Math.Max(Small, Math.Abs(values[i])));
                var (low, high) = (Math.Max(table.Least[i], x - step), Math.Min(table.Most[i], x + step));
                slopes[i] = high > low && (At(high) - At(low)) / (high - low) is var s && double.IsFinite(s) ? s : 0;
                values[i] = x;

                double At(double value)
                {
                    values[i] = value;
                    return Missed();
                }
            }

            return slopes;
        }
    }

    /// <inheritdoc/>
    protected override double Figure(SurrogateBatch batch)
    {
        var (rows, scores) = (RowsOf(batch), _rate is null ? null : batch.Logits.to(float64).softmax(1));
        return metric.Figure(
            [
                .. _favorable.Select(favorable =>
                    GroupTable.Count(
                        rows with
                        {
                            Scores = scores?.select(1, favorable).contiguous().data<double>().ToArray(),
                        },
                        favorable
                    )
                ),
            ],
            Rule
        );
    }

    private PredictedRows RowsOf(SurrogateBatch batch) =>
        new([.. batch.Labels.data<long>().Select(y => (int)y)], [.. Classes(batch.Logits)], group?.Take(Rows(batch)));
}
