using PostTrainGate.Data;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// What all surrogates share: rows that lack a value are left out where the metric leaves them out, tensors end with
/// the call, and a batch that has no figure says nothing.
/// </summary>
internal abstract class Surrogate(SurrogateContext context) : ISurrogate
{
    /// <summary>A step along the gradient of the loss goes back through a pass at the price of two forwards.</summary>
    protected const double ForwardAndBack = 3;

    private readonly bool[]? _incomplete =
        !context.Rule.Metric.NeedsCompleteRows || context.Data.IncompleteRows.IsEmpty
            ? null
            : [.. Enumerable.Range(0, context.Data.Count).Select(context.Data.IncompleteRows.ToHashSet().Contains)];

    /// <inheritdoc/>
    public virtual double Passes => ForwardAndBack;

    /// <inheritdoc/>
    public bool ReadsInputs => Passes > 0;

    /// <summary>The rows to learn from.</summary>
    protected EvaluationSet Data => context.Data;

    /// <summary>The gate.</summary>
    protected GateRule Rule => context.Rule;

    /// <inheritdoc/>
    public Tensor Loss(SurrogateBatch batch)
    {
        using var scope = NewDisposeScope();
        var rows = Complete(batch);
        return (rows.Index.shape[0] == 0 ? Nothing(batch) : Compute(rows)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public double Violation(SurrogateBatch batch)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var rows = Complete(batch);
        // What is not measured moves no multiplier.
        return rows.Index.shape[0] > 0 && Judge.Missed(Rule, Figure(rows)) is var missed && double.IsFinite(missed)
            ? missed
            : 0;
    }

    /// <inheritdoc/>
    public virtual void Dispose() { }

    /// <summary>The loss; there is a row at least.</summary>
    protected abstract Tensor Compute(SurrogateBatch batch);

    /// <summary>The metric's figure; NaN where the rows have none. Called without gradients.</summary>
    protected abstract double Figure(SurrogateBatch batch);

    /// <summary>0, whose gradient is 0 whatever the logits are.</summary>
    protected static Tensor Nothing(SurrogateBatch batch) => batch.Logits.narrow(0, 0, 0).sum();

    /// <summary>The batch's positions among all rows.</summary>
    protected static int[] Rows(SurrogateBatch batch) => [.. batch.Index.data<long>().Select(i => (int)i)];

    /// <summary>Predicted class of each row.</summary>
    protected static int[] Classes(Tensor logits) => [.. logits.argmax(1).data<long>().Select(c => (int)c)];

    /// <summary>
    /// How differently pairs of rows are predicted: the symmetric divergence of Kullback and Leibler (1951), mean over
    /// pairs, in nats. 0 where all agree.
    /// </summary>
    /// <param name="a">[pairs, classes], logits.</param>
    /// <param name="b">[pairs, classes], logits.</param>
    /// <param name="temperature">What logits are divided by.</param>
    protected static Tensor Divergence(Tensor a, Tensor b, double temperature)
    {
        var (p, q) = (a.div(Scalars.Get(temperature)).log_softmax(1), b.div(Scalars.Get(temperature)).log_softmax(1));
        return ((p.exp() - q.exp()) * (p - q)).sum(1).mean();
    }

    /// <summary>Some rows of a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="places">Their places in it.</param>
    protected static SurrogateBatch Take(SurrogateBatch batch, long[] places)
    {
        var index = tensor(places);
        return batch with
        {
            Index = batch.Index.index_select(0, index),
            Inputs = batch.Inputs.index_select(0, index),
            Labels = batch.Labels.index_select(0, index),
            Logits = batch.Logits.index_select(0, index),
        };
    }

    private SurrogateBatch Complete(SurrogateBatch batch)
    {
        if (_incomplete is null)
            return batch;
        long[] places = [.. Rows(batch).Index().Where(r => !_incomplete[r.Item]).Select(r => (long)r.Index)];
        return places.Length == batch.Index.shape[0] ? batch : Take(batch, places);
    }
}
