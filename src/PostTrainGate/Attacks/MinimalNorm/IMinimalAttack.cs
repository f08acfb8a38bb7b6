using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// An attack that looks for the nearest input on which the classifier errs, whatever its distance. Under a budget it
/// succeeds where what it finds lies within epsilon.
/// </summary>
public interface IMinimalAttack : IAttack
{
    /// <summary>The nearest adversarial inputs that it finds.</summary>
    /// <param name="context">Its budget's epsilon is of no account; its norm is what is made small.</param>
    /// <param name="inputs">[batch, input shape], clean.</param>
    /// <param name="labels">[batch], int64.</param>
    /// <returns>[batch, input shape], clean where none was found; the caller disposes it.</returns>
    Tensor Nearest(AttackContext context, Tensor inputs, Tensor labels);
}

/// <summary>What minimal-norm attacks have in common.</summary>
public abstract class MinimalAttack : RowAttack, IMinimalAttack
{
    private protected MinimalAttack(string name, string summary, bool needsGradients, params Norm[] norms)
        : base(name, summary, needsGradients) => Norms = norms;

    /// <inheritdoc/>
    public override IReadOnlyList<Norm> Norms { get; }

    /// <inheritdoc/>
    public Tensor Nearest(AttackContext context, Tensor inputs, Tensor labels) =>
        Perturb(
            context with
            {
                Budget = context.Budget with { Epsilon = double.PositiveInfinity },
                StopAtSuccess = false,
            },
            inputs,
            labels
        );

    /// <summary>The nearest adversarial inputs so far.</summary>
    private protected sealed class NearestRows(AttackContext context, ActiveBatch rows) : IDisposable
    {
        private readonly ActiveBatch.Kept _distance = rows.Keep(
            full(rows.Count, Scalars.Get(double.PositiveInfinity)).On(rows.Clean.Value)
        );

        /// <summary>[rows], infinite where none was found.</summary>
        public Tensor Distance => _distance.Value;

        /// <summary>
        /// Takes those of the inputs that are adversarial and nearer; within the budget that ends a row where success
        /// does.
        /// </summary>
        /// <param name="errs">[rows], bool.</param>
        /// <param name="x">[rows, input shape].</param>
        /// <returns>[rows that were there], bool: which are nearer.</returns>
        public Tensor Offer(Tensor errs, Tensor x)
        {
            using var scope = NewDisposeScope();
            var distance = context.Budget.Distance(rows.Clean.Value, x);
            var nearer = errs.logical_and(distance.lt(_distance.Value));
            _distance.Set(nearer, distance);
            rows.Found(nearer, x, leave: false);
            if (context.StopAtSuccess)
                rows.Found(nearer.logical_and(distance.le(Scalars.Get(context.Budget.Epsilon))), x, leave: true);
            return nearer.MoveToOuterDisposeScope();
        }

        public void Dispose() => _distance.Dispose();
    }
}
