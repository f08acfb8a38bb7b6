using PostTrainGate.Policy;

namespace PostTrainGate.Certification;

/// <summary>The ball around a row that a certificate has to hold for.</summary>
/// <param name="Norm">Norm of the perturbation.</param>
/// <param name="Epsilon">Its largest size, in the data's units.</param>
/// <param name="Method">How the network's outputs are bounded.</param>
public sealed record CertificateSettings(Norm Norm, double Epsilon, BoundMethod Method);
