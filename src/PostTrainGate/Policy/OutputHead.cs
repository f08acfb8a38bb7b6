namespace PostTrainGate.Policy;

/// <summary>What the file's output holds, and so how logits are obtained from it.</summary>
public enum OutputHead
{
    /// <summary>One logit per class.</summary>
    Logits,

    /// <summary>A softmax at the end, which is left out when logits are wanted.</summary>
    Softmax,

    /// <summary>A log-softmax at the end; its values are logits already.</summary>
    LogSoftmax,

    /// <summary>One unit z after (or before) a sigmoid; logits are [0, z]. Several units: their z.</summary>
    Sigmoid,

    /// <summary>
    /// Probabilities with no softmax that could be left out; logits are their logarithms. One unit p: of [1 - p, p].
    /// </summary>
    Probabilities,
}
