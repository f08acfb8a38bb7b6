using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// An attack that works on the rows of a batch that still stand, so that attacks can follow each other on the same
/// rows.
/// </summary>
public abstract class RowAttack : IAttack
{
    private protected RowAttack(string name, string summary, bool needsGradients) =>
        (Name, Summary, NeedsGradients) = (name, summary, needsGradients);

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public virtual string Title => Name.ToUpperInvariant().Replace('_', '-');

    /// <inheritdoc/>
    public string Summary { get; }

    /// <inheritdoc/>
    public bool NeedsGradients { get; }

    /// <inheritdoc/>
    public virtual IReadOnlyList<Norm> Norms { get; } = Enum.GetValues<Norm>();

    /// <inheritdoc/>
    public virtual bool KeepsForm => false;

    /// <inheritdoc/>
    public virtual bool IsIterative => false;

    /// <inheritdoc/>
    public virtual bool IsSingleStep => false;

    /// <inheritdoc/>
    public virtual bool AveragesDraws => false;

    /// <inheritdoc/>
    public Tensor Perturb(AttackContext context, Tensor inputs, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var rows = new ActiveBatch(inputs, labels);
        using var stages = context.Enter(rows);
        if (stages.First == 0)
            Run(context, rows);
        stages.Passed(1);
        return rows.Result.alias().MoveToOuterDisposeScope();
    }

    /// <summary>Attacks the rows; what it finds becomes their result.</summary>
    internal abstract void Run(AttackContext context, ActiveBatch rows);
}
